"""Elements whose text a person never sees, or only as the text of a field or a title."""

NEVER_SHOWN = (
    *("dialog", "iframe", "math", "noembed", "noframes", "noscript", "plaintext", "script"),
    *("select", "style", "svg", "template", "textarea", "title", "video", "xmp"),
)
