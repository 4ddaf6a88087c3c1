"""The script that extends what a running call holds of its budgets: all of them, or none."""

from __future__ import annotations

from tokens.limits.scripts import Script

_EXTEND = """
-- KEYS: leases, lease, books…  asked: now, extra hi, lo, budget hi and lo per book (-1: none).
-- 1 when it is held, 0 when a budget has not that much
local now, eh, el, limits = unpack(asked)
local lease = redis.call('HGET', KEYS[2], 'c')
if not lease then return 1 end
lease = unpacked(lease)
local books = {}
for i = 3, #KEYS do
  local b = read(KEYS[i], now)
  local limit = limits[i - 2]
  if b and b.g == lease.g[i - 2] and b.pk .. '|' .. text(b.ps) == lease.p[i - 2] then
    if limit[1] >= 0 then
      local sh, sl = add(b.sh, b.sl, eh, el)
      local h, l = add(sh, sl, b.rh, b.rl)
      if over(h, l, limit[1], limit[2]) then return 0 end
    end
    books[#books + 1] = b
  end
end
for _, b in ipairs(books) do
  b.rh, b.rl = add(b.rh, b.rl, eh, el)
  write(b)
end
lease.ch, lease.cl = add(lease.ch, lease.cl, eh, el)
redis.call('HSET', KEYS[2], 'c', pack(lease))
return 1
"""

EXTEND = Script(_EXTEND)
