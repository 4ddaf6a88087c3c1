"""Scripts of the ledger's algorithm in Redis, as `book.py` has it in memory: each is one atomic round trip.

A book is one hash: its figures are field `c`, its window the fields `b<second>`. Times are milliseconds.
Redis' Lua knows doubles only, exact to 2^53, so money is a pair: whole 1e-5 and the remainder in 1e-10
(0..99999).
A running call is a lease: a hash, and its end in a sorted set. `g` tells the incarnations of a book apart.

What is stored, and what goes in and out, is MessagePack: reading and writing every figure as text took Redis
more time than all else.
"""

from __future__ import annotations

import hashlib

WINDOW_MS = 60_000
SPREAD_SECONDS = 3600
"""Farthest that a window is searched."""
KEEP_MS = 40 * 86_400_000
"""Life of a book that nobody asks for; it is read from the rows when it is asked for again."""

_COMMON = (
    """
local pack, unpacked = cmsgpack.pack, cmsgpack.unpack
local function add(h, l, dh, dl)
  h = h + dh; l = l + dl
  if l >= 100000 then h = h + 1; l = l - 100000 end
  if l < 0 then h = h - 1; l = l + 100000 end
  return h, l
end
local function over(h, l, bh, bl) return h > bh or (h == bh and l > bl) end
local asked = unpacked(ARGV[1])
local function text(n) return string.format('%.0f', n) end
local function field(second) return 'b' .. text(second) end
-- With the bucket of `now`, which is wanted nearly always. `at`: where the book lies, and what of its window is known;
-- buckets that change are written by `write`, in one go.
local function read(key, now)
  local second = math.floor(now / 1000)
  local v = redis.call('HMGET', key, 'c', field(second))
  if not v[1] then return nil end
  local b = unpacked(v[1])
  b.at = {key = key, seen = {[second] = v[2] and unpacked(v[2])}, dirty = {}}
  return b
end
local function bucket(b, second)
  local seen = b.at.seen
  if seen[second] == nil then
    local v = redis.call('HGET', b.at.key, field(second))
    seen[second] = v and unpacked(v)
  end
  return seen[second] or nil
end
local function put(b, second, k)
  b.at.seen[second] = k; b.at.dirty[second] = k
end
local function advance(b, now)
  if b.oldest == 0 then return end  -- the window is empty
  local newest = math.floor(b.last / 1000)
  local s = b.oldest
  if newest - s > SPREAD then s = newest - SPREAD end  -- a host's clock is wrong
  while s <= newest and s * 1000 + WINDOW <= now do  -- a bucket leaves after its last entry: not before this
    local k = bucket(b, s)
    if k then
      if k.last + WINDOW > now then break end
      redis.call('HDEL', b.at.key, field(s))
      put(b, s, false); b.at.dirty[s] = nil
      b.wn = b.wn - k.r; b.wi = b.wi - k.i; b.wo = b.wo - k.o
    end
    s = s + 1
  end
  b.oldest = s > newest and 0 or s
end
local function enter(b, at, r, i, o)
  local second = math.floor(at / 1000)
  local k = bucket(b, second) or {last = at, r = 0, i = 0, o = 0}
  k.last = math.max(k.last, at); k.r = k.r + r; k.i = k.i + i; k.o = k.o + o
  put(b, second, k)
  b.wn = b.wn + r; b.wi = b.wi + i; b.wo = b.wo + o
  if b.oldest > second or b.oldest == 0 then b.oldest = second end
  b.last = math.max(b.last, at)
end
local function amend(b, at, r, i)
  local second = math.floor(at / 1000)
  local k = bucket(b, second)
  if not k then return end
  k.r = k.r + r; k.i = k.i + i
  put(b, second, k)
  b.wn = b.wn + r; b.wi = b.wi + i
end
local function write(b)
  local at = b.at
  b.at = nil
  local fields = {'c', pack(b)}
  b.at = at
  for second, k in pairs(at.dirty) do
    fields[#fields + 1] = field(second); fields[#fields + 1] = pack(k)
  end
  redis.call('HSET', at.key, unpack(fields))
end
local function keep(b) redis.call('PEXPIRE', b.at.key, KEEP) end
local function state(b)
  local last = 0
  if b.wn ~= 0 or b.wi ~= 0 or b.wo ~= 0 then last = b.last end
  return {b.n, b.wn, b.wi, b.wo + b.held, b.live, b.sh, b.sl, b.rh, b.rl, last, b.ps, b.pe}
end
local function roll(b, now, pk, ps, pe)
  if pk == '' then b.pk = ''; return true end
  if b.pk ~= pk then return false end
  if b.pe >= 0 and now >= b.pe then
    b.ps = ps; b.pe = pe; b.sh = 0; b.sl = 0; b.rh = 0; b.rl = 0
  end
  return true
end
""".replace("WINDOW", str(WINDOW_MS))
    .replace("KEEP", str(KEEP_MS))
    .replace("SPREAD", str(SPREAD_SECONDS))
)

_RESERVE = """
-- KEYS: leases, lease, books…  asked: now, id, until, input, output, cost hi, lo, data, limits and period per book
local now, id, till, input, output, ch, cl, data, limits = unpack(asked)
local books, missing = {}, {}
for i = 3, #KEYS do
  local b, l = read(KEYS[i], now), limits[i - 2]
  if not b or not roll(b, now, l[8], l[9], l[10]) then
    missing[#missing + 1] = i - 3
  else
    advance(b, now)
    books[#books + 1] = b
  end
end
if #missing > 0 then return pack({'missing', missing}) end
local function room(b, name, allowed, used)
  local s, newest = b.oldest, math.floor(b.last / 1000)
  while s > 0 and s <= newest do
    local k = bucket(b, s)
    if k then
      used = used - k[name]
      if used <= allowed then return math.max(1000, k.last + WINDOW - now) end
    end
    s = s + 1
  end
  return allowed >= 0 and 1000 or WINDOW
end
local function refusal(b, limit)
  if limit[1] >= 0 and b.n >= limit[1] then return {'max_requests', -1, 1} end
  if limit[6] >= 0 and (ch > 0 or cl > 0) then
    local sh, sl = add(b.sh, b.sl, ch, cl)
    local h, l = add(sh, sl, b.rh, b.rl)
    if over(h, l, limit[6], limit[7]) then
      if not over(sh, sl, limit[6], limit[7]) then return {'budget', 1000, 0} end
      if b.pe < 0 then return {'budget', -1, 1} end
      return {'budget', math.max(1000, b.pe - now), over(ch, cl, limit[6], limit[7]) and 1 or 0}
    end
  end
  if limit[2] >= 0 and b.wn + 1 > limit[2] then
    return {'requests_per_minute', room(b, 'r', limit[2] - 1, b.wn), limit[2] < 1 and 1 or 0}
  end
  if limit[3] >= 0 and input > 0 and b.wi + input > limit[3] then
    return {'input_tokens_per_minute', room(b, 'i', limit[3] - input, b.wi), input > limit[3] and 1 or 0}
  end
  if limit[4] >= 0 and output > 0 and b.wo + b.held + output > limit[4] then
    return {'output_tokens_per_minute', room(b, 'o', limit[4] - output, b.wo + b.held),
      output > limit[4] and 1 or 0}
  end
  if limit[5] >= 0 and b.live >= limit[5] then return {'max_parallel_requests', 1000, 0} end
  return nil
end
local refused = nil
for i, b in ipairs(books) do
  local found = refusal(b, limits[i])
  if found then
    refused = {'no', i - 1, found[1], found[2], found[3]}
    break
  end
end
local lease = {at = now, i = input, o = output, ch = ch, cl = cl, g = {}, p = {}}
for i, b in ipairs(books) do
  if not refused then
    b.n = b.n + 1; b.live = b.live + 1; b.held = b.held + output
    b.rh, b.rl = add(b.rh, b.rl, ch, cl)
    enter(b, now, 1, input, 0)
    lease.g[i] = b.g; lease.p[i] = b.pk .. '|' .. text(b.ps)
  end
  write(b)
  keep(b)
end
if not refused then
  redis.call('HSET', KEYS[2], 'data', data, 'c', pack(lease))
  redis.call('ZADD', KEYS[1], text(till), id)
end
local told = {refused or 'ok'}
for i, b in ipairs(books) do told[i + 1] = state(b) end
return pack(told)
""".replace("WINDOW", str(WINDOW_MS))

_SETTLE = """
-- KEYS: leases, lease, books…  asked: now, id, settle|back, input, output, cost hi, lo
-- Nil when the lease is gone; else of each book whose budget was charged its number and what is spent now, hi and lo.
local now, id, how, input, output, ch, cl = unpack(asked)
local lease = redis.call('HGET', KEYS[2], 'c')
if not lease then return nil end
lease = unpacked(lease)
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], id)
local told = {}
local is_back = how == 'back'
local at, ti, to, th, tl = lease.at, lease.i, lease.o, lease.ch, lease.cl
for i = 3, #KEYS do
  local b = read(KEYS[i], now)
  if b then
    local is_same = b.pk .. '|' .. text(b.ps) == lease.p[i - 2]
    if b.g == lease.g[i - 2] then
      advance(b, now)
      b.live = b.live - 1; b.held = b.held - to
      if is_same then b.rh, b.rl = add(b.rh, b.rl, -th, -tl) end
      if is_back then
        b.n = b.n - 1
        amend(b, at, -1, -ti)
      else
        amend(b, at, 0, input - ti)
        if output > 0 then enter(b, now, 0, 0, output) end
      end
    elseif not is_back then
      b.n = b.n + 1  -- the book was read from the rows while the call ran: its row came later
    end
    if not is_back and (is_same or at >= b.ps) then
      b.sh, b.sl = add(b.sh, b.sl, ch, cl)
      if b.pk ~= '' and ch + cl > 0 then told[#told + 1] = {i - 3, b.sh, b.sl} end
    end
    write(b)
  end
end
return pack(told)
"""

_SEED = """
-- KEYS: book  asked: g, requests, spent hi, lo, kind and currency, period start, end
local g, requests, sh, sl, pk, ps, pe = unpack(asked)
local b = read(KEYS[1], 0)
if not b then
  b = {g = g, n = requests, live = 0, held = 0, wn = 0, wi = 0, wo = 0, oldest = 0, last = 0, pk = ''}
  b.sh = 0; b.sl = 0; b.rh = 0; b.rl = 0; b.ps = 0; b.pe = -1
  b.at = {key = KEYS[1], dirty = {}}
end
if b.pk ~= pk then
  b.sh = sh; b.sl = sl; b.rh = 0; b.rl = 0
  b.pk = pk; b.ps = ps; b.pe = pe
end
write(b)
keep(b)
return 1
"""

_STATES = """
-- KEYS: books  asked: now, {kind and currency, start, end per book}
local now, periods = unpack(asked)
local told = {}
for i = 1, #KEYS do
  local b = read(KEYS[i], now)
  local pk, ps, pe = unpack(periods[i])
  if b and (pk == '' or b.pk == pk) then
    advance(b, now)
    if pk ~= '' then roll(b, now, pk, ps, pe) end
    write(b)
    told[i] = state(b)
  else
    told[i] = {}
  end
end
return pack(told)
"""

_RENEW = """
-- KEYS: leases  asked: lease prefix, until, {{id, what was seen of it}…}.  How many are still there
local prefix, till, calls = unpack(asked)
local count = 0
for _, call in ipairs(calls) do
  if redis.call('ZSCORE', KEYS[1], call[1]) then
    redis.call('ZADD', KEYS[1], text(till), call[1])
    redis.call('HSET', prefix .. call[1], 'seen', call[2])
    count = count + 1
  end
end
return count
"""


class Script:
    """Script with its name in Redis."""

    def __init__(self, body: str) -> None:
        self.text = _COMMON + body
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


RESERVE, SETTLE, SEED, STATES, RENEW = (Script(body) for body in (_RESERVE, _SETTLE, _SEED, _STATES, _RENEW))
