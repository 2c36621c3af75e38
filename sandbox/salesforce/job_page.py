"""Setup, Bulk Data Load Jobs: the page of one job, as far as a link to it needs one."""

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.salesforce.bulk_jobs import BulkJob

PATH = "/lightning/setup/AsyncApiJobStatus/page"


def job_page(find: Callable[[str], BulkJob | None]) -> Route:
    """The route; the job is named by `?address=/<id>`. One that was deleted is told so, as the org does."""

    async def show(request: Request) -> Response:
        job_id = request.query_params.get("address", "").strip("/")
        job = find(job_id) if job_id else None
        if job is None:
            text = f"<h1>Bulk Data Load Jobs</h1><p>Job {escape(job_id)} does not exist or was deleted.</p>"
            return HTMLResponse(text, status_code=404)
        facts = {"Status": job.state, "Object": job.object_name, "Operation": job.operation, "Records": job.processed}
        rows = "".join(f"<tr><th>{name}<td>{escape(str(value))}" for name, value in facts.items())
        return HTMLResponse(f"<h1>Bulk Data Load Job {escape(job.id)}</h1><table>{rows}</table>")

    return Route(PATH, show, methods=["GET"])
