"""Attestations of build artifacts: sigstore bundles, verified without a network."""

from grace.adapters.attestations.verifier import SigstoreVerifier as SigstoreVerifier
from grace.adapters.attestations.verifier import embedded_root as embedded_root
