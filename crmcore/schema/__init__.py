"""The GraphQL face. For plugins it is the door to the graph: what declares records, extensions and actions.

The records' own classes are for annotations: import them under TYPE_CHECKING.
"""

from typing import TYPE_CHECKING

from crmcore.query import (
    Actor,
    AnyRecord,
    FreeData,
    Many,
    Moment,
    Money,
    Ref,
    Refs,
    Timeline,
    batch,
    condition,
    expression,
    extend,
    field,
    figure,
    log,
    portion,
    record,
)
from crmcore.schema.actions import action, arg
from crmcore.schema.functions.declare import input_object, inputs, mutation, output, query, subscription
from crmcore.schema.printing import print_core_schema

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction, Task
    from crmcore.schema.audit import AuditEntry
    from crmcore.schema.care import CarePlan, Touchpoint
    from crmcore.schema.cases import Case, CaseEvent
    from crmcore.schema.catalogue import Product
    from crmcore.schema.contacts import Consent, Contact, ContactLink
    from crmcore.schema.custom import CustomField
    from crmcore.schema.customers import Address, ContactPoint, Customer
    from crmcore.schema.deals import Deal, Order, OrderLine, Pipeline, Stage, StageTransition
    from crmcore.schema.people import Team, User

__all__ = [
    "Actor",
    "Address",
    "AnyRecord",
    "AuditEntry",
    "CarePlan",
    "Case",
    "CaseEvent",
    "Consent",
    "Contact",
    "ContactLink",
    "ContactPoint",
    "CustomField",
    "Customer",
    "Deal",
    "FreeData",
    "Interaction",
    "Many",
    "Moment",
    "Money",
    "Order",
    "OrderLine",
    "Pipeline",
    "Product",
    "Ref",
    "Refs",
    "Stage",
    "StageTransition",
    "Task",
    "Team",
    "Timeline",
    "Touchpoint",
    "User",
    "action",
    "arg",
    "batch",
    "condition",
    "expression",
    "extend",
    "field",
    "figure",
    "input_object",
    "inputs",
    "log",
    "mutation",
    "output",
    "portion",
    "print_core_schema",
    "query",
    "record",
    "subscription",
]
