"""Kinds of admonitions, and the words that rendering adds in the language of the article."""

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
        "todo": "не сделано", "image": "изображение", "video": "Видео", "audio": "Аудио",
        "embedded": "Встроенная страница", "diagram": "Схема, показана её запись:",
        "moved": "Эта страница переехала:", "page": "{}, стр. {}",
        "required": "обязательно", "deprecated": "устарело", "default": "по умолчанию",
    },
    "en": {
        "anchor": "Link to the section “{}”", "back": "Back to the text", "done": "done",
        "todo": "not done", "image": "image", "video": "Video", "audio": "Audio",
        "embedded": "Embedded page", "diagram": "A diagram, shown as it is written:",
        "moved": "This page has moved:", "page": "{}, page {}",
        "required": "required", "deprecated": "deprecated", "default": "default",
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
    """The kind of admonition that a word names in any tool, or ""."""
    folded = word.lower()
    return folded if folded in KINDS else _SAME.get(folded, "")
