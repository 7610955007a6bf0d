"""`grace runner`: the small process beside a target that carries playbooks out."""
