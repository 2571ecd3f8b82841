"""Tables of the topics and files of a rosbag: paged, searched, with the details of a row folded away."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from common.admin.changelists import BoundedPaginator
from common.admin.numbers import NOTHING, number, size
from common.templatetags.console import at_most_counted
from storage.admin.recorded_times import offset, recorded
from storage.admin.rosbags.time_line import activity
from storage.models import Rosbag, RosbagFile, RosbagTopic

PAGE = 25
MAX_SEARCH = 200
MAX_GAPS = 20
MAX_QOS = 2000
PARAMETER = "page"


def topics(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return a page of topics."""
    text = searched(request)
    rows = (
        rosbag.topics.filter(Q(name__icontains=text) | Q(type__icontains=text))
        if text
        else rosbag.topics.all()
    )
    table = _table(request, rosbag, "topics", rows)
    return table | {"rows": [_topic(rosbag, topic) for topic in table["page"]]}


def files(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return a page of files."""
    text = searched(request)
    rows = rosbag.files.filter(path__icontains=text) if text else rosbag.files.all()
    table = _table(request, rosbag, "files", rows)
    return table | {"rows": [_file(file) for file in table["page"]]}


def searched(request: HttpRequest) -> str:
    """Return the text that the request looks for."""
    return request.GET.get("q", "").replace("\0", "").strip()[:MAX_SEARCH]


def _table(request: HttpRequest, rosbag: Rosbag, part: str, rows: QuerySet[Any]) -> dict[str, Any]:
    paginator = BoundedPaginator(rows, PAGE)
    count = paginator.count
    return {
        "page": paginator.get_page(request.GET.get(PARAMETER)),
        "q": searched(request),
        "address": reverse("admin:storage_rosbag_part", args=[rosbag.pk, part]),
        "count": at_most_counted(count),
    }


def _topic(rosbag: Rosbag, topic: RosbagTopic) -> dict[str, Any]:
    start = rosbag.start_ns or 0
    gaps = sorted(topic.gaps, key=lambda gap: gap[0] - gap[1])[:MAX_GAPS]
    return {
        "topic": topic,
        "count": number(topic.message_count),
        "gap_count": number(topic.gap_count),
        "rate": number(topic.mean_rate_hz, 2),
        "longest": offset(gaps[0][1] - gaps[0][0], 1) if gaps else "",
        "gaps": [
            (offset(first - start), offset(last - start), offset(last - first))
            for first, last in gaps
        ],
        "activity": activity(topic.histogram, _("Activity of %s") % topic.name),
        "facts": [
            (_("First message"), recorded(topic.first_ns)),
            (_("Last message"), recorded(topic.last_ns)),
            (_("Size"), size(topic.size)),
            (_("Middle period"), offset(topic.period_ns) if topic.period_ns else NOTHING),
            (_("Jitter"), f"{number(topic.jitter_ns / 1e6, 2)} ms" if topic.period_ns else NOTHING),
            (_("Serialization"), topic.serialization_format),
            (_("Type hash"), topic.type_hash or NOTHING),
        ],
        "qos": topic.offered_qos_profiles[:MAX_QOS],
    }


def _file(file: RosbagFile) -> dict[str, Any]:
    address = reverse("rosbag-file", kwargs={"pk": file.rosbag_id, "path": file.path})
    return {"file": file, "address": address}
