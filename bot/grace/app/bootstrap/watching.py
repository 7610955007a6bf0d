"""What watches the metrics of the catalog."""

from grace.app.bootstrap.system import System, fault_counter, make_sources
from grace.app.watching import Desk, Plan, Watcher


def make_watcher(system: System) -> Watcher:
    """Make the watcher; where anomalies belong it learns once the forge is reached."""
    configuration, sources = system.configuration, make_sources(system)
    plan = Plan(
        catalog=configuration.catalog,
        subsystems=configuration.subsystems,
        alerting=configuration.governance.alerting,
        every=system.settings.detect_seconds,
    )
    desk = Desk(
        plan=plan,
        metrics=sources,
        history=sources,
        samples=system.samples,
        store=system.store,
        refs=system.refs,
        clock=system.clock,
        count=system.measures.count_delivery,
        fault=fault_counter(system),
        wake=system.wake,
    )
    return Watcher(desk)
