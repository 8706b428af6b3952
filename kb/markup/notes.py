"""Kinds of notes and the words rendering adds, in the article's language. Renders nothing."""

TITLES = {
    "ru": {
        "note": "Примечание", "info": "Сведения", "tip": "Совет", "hint": "Подсказка",
        "important": "Важно", "warning": "Внимание", "caution": "Осторожно", "danger": "Опасно",
        "error": "Ошибка", "success": "Готово", "example": "Пример", "question": "Вопрос",
        "abstract": "Кратко", "failure": "Не получилось", "bug": "Известная ошибка",
        "quote": "Цитата",
        "attention": "Внимание", "seealso": "См. также", "details": "Подробнее",
    },
    "en": {
        "note": "Note", "info": "Info", "tip": "Tip", "hint": "Hint",
        "important": "Important", "warning": "Warning", "caution": "Caution", "danger": "Danger",
        "error": "Error", "success": "Done", "example": "Example", "question": "Question",
        "abstract": "Summary", "failure": "Failure", "bug": "Known bug", "quote": "Quote",
        "attention": "Attention", "seealso": "See also", "details": "Details",
    },
}  # fmt: skip
PHRASES = {
    "ru": {
        "anchor": "Ссылка на раздел «{}»", "back": "Назад к тексту", "done": "сделано",
        "todo": "не сделано", "image": "изображение", "video": "Видео",
    },
    "en": {
        "anchor": "Link to the section “{}”", "back": "Back to the text", "done": "done",
        "todo": "not done", "image": "image", "video": "Video",
    },
}  # fmt: skip
KINDS = frozenset(TITLES["en"])
# What MkDocs Material, Docusaurus and Obsidian call them besides.
_SAME = {
    "summary": "abstract", "tldr": "abstract", "todo": "info", "check": "success",
    "done": "success", "help": "question", "faq": "question", "fail": "failure",
    "missing": "failure", "snippet": "example", "cite": "quote", "secondary": "note",
    "warn": "warning",
}  # fmt: skip


def kind_of(word: str) -> str:
    """The kind of note that somebody calls so; "" if it is none."""
    folded = word.lower()
    return folded if folded in KINDS else _SAME.get(folded, "")
