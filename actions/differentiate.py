"""Differentiate: what a customer tells of their needs."""

from actions.call import StoreAction


class NoteNeed(StoreAction):
    action = "action_note_need"


class NoteAnswer(StoreAction):
    action = "action_note_answer"
