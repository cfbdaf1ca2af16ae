"""Audits of judges as jobs."""

import pytest
from django.db import Error

from models_runtime.models import AuditRule
from tests.cast import make_project

pytestmark = pytest.mark.django_db


def test_what_an_owner_asked_for_is_history() -> None:
    rule = AuditRule.objects.create(project=make_project("rules"), demands_card=True)
    rule.demands_card = False
    with pytest.raises(Error, match="append"):
        rule.save()
