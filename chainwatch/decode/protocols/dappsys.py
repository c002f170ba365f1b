"""DappSys: notes of DSPause (plans are Proposals named by their target), DSChief (the hat is who may act), owners and
authorities, tokens stopped and started."""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.decode.protocols.maker import note
from chainwatch.types import ParameterChange, PauseChange, RoleChange

MAPPERS: Mappers = {
    "LogNote(bytes4,address,bytes32,bytes32,uint256,bytes)": note("dappsys", caller=1),
    "Stop()": says(PauseChange, paused=True, actor=None),
    "Start()": says(PauseChange, paused=False, actor=None),
    "LogSetOwner(address)": says(RoleChange, role=literal("owner"), account="owner", granted=True, actor=None),
    "LogSetAuthority(address)": says(ParameterChange, what=literal("authority"), after="authority"),
}
