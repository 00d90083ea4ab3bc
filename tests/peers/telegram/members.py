"""What getChat, getChatMember and my_chat_member say about the place of somebody in a chat."""

from tests.peers.telegram.request import Json
from tests.peers.telegram.world import Chat, World

ADMINISTRATOR = {
    "can_be_edited": False,
    "is_anonymous": False,
    "can_manage_chat": True,
    "can_delete_messages": True,
    "can_manage_video_chats": False,
    "can_restrict_members": True,
    "can_promote_members": False,
    "can_change_info": False,
    "can_invite_users": True,
    "can_post_stories": False,
    "can_edit_stories": False,
    "can_delete_stories": False,
    "can_pin_messages": True,
    "can_manage_topics": False,
}
RESTRICTED = {
    "is_member": True,
    "can_send_messages": False,
    "can_send_audios": False,
    "can_send_documents": False,
    "can_send_photos": False,
    "can_send_videos": False,
    "can_send_video_notes": False,
    "can_send_voice_notes": False,
    "can_send_polls": False,
    "can_send_other_messages": False,
    "can_add_web_page_previews": False,
    "can_change_info": False,
    "can_invite_users": False,
    "can_pin_messages": False,
    "can_manage_topics": False,
    "can_edit_tag": False,
    "can_react_to_messages": False,
    "until_date": 0,
}
DETAILS: dict[str, Json] = {
    "administrator": ADMINISTRATOR,
    "restricted": RESTRICTED,
    "kicked": {"until_date": 0},
    "creator": {"is_anonymous": False},
}


def member(user: Json, status: str) -> Json:
    return {"user": user, "status": status} | DETAILS.get(status, {})


def full_chat(world: World, chat: Chat) -> Json:
    """The answer of getChat."""
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    shape: Json = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    if not chat.is_private:
        kinds = ("messages", "photos", "videos", "documents", "audios", "voice_notes", "video_notes", "polls")
        shape["permissions"] = {f"can_send_{kind}": True for kind in kinds}
    return chat.shape | shape
