"""The HTML pages, from files on disk alone."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "make_report": "rarecase.report.run_page",
        "report_folder": "rarecase.report.pages",
        "report_several": "rarecase.report.page_several",
    },
)
