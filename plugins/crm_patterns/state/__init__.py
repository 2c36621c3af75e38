"""The operational side: what must not be lost or done twice, in one relational database."""

from crm_patterns.state.connection import open_state
from crm_patterns.state.operational import OperationalState

__all__ = ["OperationalState", "open_state"]
