from django.urls import path

from aggregation.views import (
    elections,
    examinations,
    methods,
    newcomers,
    panel,
    releases,
    reports,
    runs,
    steering,
    tables,
    tie_breaks,
)

app_name = "aggregation"

PROJECT = "projects/<slug:slug>"
RUN = f"{PROJECT}/runs/<uuid:public_id>"
REPORT = f"{PROJECT}/reports/<uuid:public_id>"
RELEASE = f"{PROJECT}/releases/<int:version>"

urlpatterns = [
    path("elections/", elections.elections, name="elections"),
    path("tie-breaks/", tie_breaks.tie_breaks, name="tie-breaks"),
    path("methods/", methods.methods, name="methods"),
    path("methods/<slug:method>/", methods.method, name="method"),
    path(f"{PROJECT}/results/", panel.project_panel, name="project_panel"),
    path(f"{PROJECT}/runs/", runs.runs, name="runs"),
    path(f"{PROJECT}/runs/compare/", runs.compare, name="compare"),
    path(f"{RUN}/", runs.run, name="run"),
    path(f"{RUN}/status/", runs.run_status, name="run-status"),
    path(f"{RUN}/cancel/", runs.cancel_run, name="cancel-run"),
    path(f"{RUN}/rebuild/", runs.rebuild_run, name="rebuild-run"),
    path(
        f"{PROJECT}/runs/compare/<slug:table>.<str:form>",
        tables.compare_table,
        name="compare-table",
    ),
    path(f"{RUN}/tables/<slug:table>.<str:form>", tables.run_table, name="run-table"),
    path(f"{RUN}/examine/", examinations.examine, name="examine"),
    path(
        f"{PROJECT}/examinations/<uuid:public_id>/",
        examinations.examination_status,
        name="examination-status",
    ),
    path(
        f"{PROJECT}/examinations/<uuid:public_id>/cancel/",
        examinations.cancel_examination,
        name="cancel-examination",
    ),
    path(f"{RUN}/result.json", runs.run_result, name="run-result"),
    path(f"{PROJECT}/reports/", reports.reports, name="reports"),
    path(f"{REPORT}/", reports.report, name="report"),
    path(f"{REPORT}/status/", reports.report_status, name="report-status"),
    path(f"{REPORT}/cancel/", reports.cancel_report, name="cancel-report"),
    path(f"{REPORT}/rebuild/", reports.rebuild_report, name="rebuild-report"),
    path(f"{REPORT}/choose/", reports.choose_rule, name="choose-rule"),
    path(f"{REPORT}/report.json", reports.report_content, name="report-content"),
    path(f"{PROJECT}/newcomers/", newcomers.newcomers, name="newcomers"),
    path(f"{PROJECT}/steering/", steering.steering, name="steering"),
    path(f"{PROJECT}/steering/switch/", steering.switch, name="switch-steering"),
    path(f"{PROJECT}/steering/order/", steering.order_now, name="order-now"),
    path(
        f"{PROJECT}/steering/<uuid:public_id>/cancel/", steering.cancel_round, name="cancel-round"
    ),
    path(f"{PROJECT}/releases/", releases.releases, name="releases"),
    path(f"{PROJECT}/releases/preview/", releases.release_preview, name="release-preview"),
    path(f"{RELEASE}/", releases.release, name="release"),
    path(f"{RELEASE}/since/<int:earlier>/", releases.release_changes, name="release-changes"),
    path(f"{RELEASE}/status/", releases.release_status, name="release-status"),
    path(f"{RELEASE}/checking/", releases.check_status, name="check-status"),
    path(f"{RELEASE}/cancel/", releases.cancel_release, name="cancel-release"),
    path(f"{RELEASE}/check/", releases.check_release, name="check-release"),
    path(f"{RELEASE}/files/<str:name>", releases.release_file, name="release-file"),
]
