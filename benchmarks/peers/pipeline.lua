-- What the gateway does with a request, in Lua: key -> namespace, namespace match, rate limit on an aligned window,
-- model and stream from the body, weighted choice of the upstream, model rewritten, usage from the answer, counters.
-- Written for speed where that costs no correctness: shared dictionaries through FFI, locals, splicing, no re-encoding.
local cjson = require "cjson.safe"

local decode = cjson.decode
local find, sub = string.find, string.sub
local concat = table.concat
local random = math.random
local var, req, time = ngx.var, ngx.req, ngx.time

local keys = ngx.shared.keys
local limits = ngx.shared.limits
local counters = ngx.shared.counters

local window = 60
local models = {
    ["gpt-4o"] = {
        total = 100,
        { upstream = "a", model = "gpt-4o-2024-11-20", weight = 90 },
        { upstream = "b", model = "gpt-4o-2024-11-20", weight = 10 },
    },
}
-- Requests per window, by namespace.
local allowed = {}

local _M = {}

-- Lines of `key namespace limit`. The keys live in shared memory, so that an administrator could change them at run
-- time; the limits are plain Lua tables, filled before the workers fork.
function _M.load(path)
    for line in io.lines(path) do
        local key, namespace, limit = line:match("^(%S+) (%S+) (%d+)$")
        assert(keys:safe_set(key, namespace))
        allowed[namespace] = tonumber(limit)
    end
end

local function refuse(status, code, message)
    local ctx = ngx.ctx
    ctx.code = code
    ngx.status = status
    ngx.header["content-type"] = "application/json"
    ngx.print('{"error":{"message":"', message, '","type":"gateway_error","code":"', code, '"}}')
    return ngx.exit(status)
end

-- The whole body as one string, whether it stayed in memory or went to a file.
local function read_body()
    req.read_body()
    local body = req.get_body_data()
    if body then return body end
    local path = req.get_body_file()
    if not path then return nil end
    local file = assert(io.open(path, "rb"))
    body = file:read("*a")
    file:close()
    return body
end

local function choose(targets)
    local ticket = random(targets.total)
    for i = 1, #targets do
        ticket = ticket - targets[i].weight
        if ticket <= 0 then return targets[i] end
    end
end

-- The body with `"model": asked` replaced: spliced if that text occurs exactly once, re-encoded otherwise.
local function with_model(body, call, asked, served)
    local first, last = find(body, '"model":"' .. asked .. '"', 1, true)
    if not first then first, last = find(body, '"model": "' .. asked .. '"', 1, true) end
    if first and not find(body, '"model"', last + 1, true) and not find(sub(body, 1, first - 1), '"model"', 1, true) then
        return sub(body, 1, first - 1) .. '"model":"' .. served .. '"' .. sub(body, last + 1)
    end
    call.model = served
    return cjson.encode(call)
end

function _M.admit()
    local ctx = ngx.ctx
    local authorization = var.http_authorization
    if not authorization or sub(authorization, 1, 7) ~= "Bearer " then
        return refuse(401, "missing_key", "The request has no key.")
    end
    local namespace = keys:get(sub(authorization, 8))
    if not namespace then return refuse(401, "invalid_key", "The key is not known.") end
    ctx.namespace = namespace
    var.namespace = namespace
    local claimed = var.http_x_namespace
    if claimed and claimed ~= namespace then
        return refuse(403, "namespace_mismatch", "The key belongs to another namespace.")
    end

    local body = read_body()
    local call = body and decode(body)
    if type(call) ~= "table" then return refuse(400, "invalid_json", "The body is not valid JSON.") end
    local asked = call.model
    if type(asked) ~= "string" then return refuse(400, "missing_model", "The body names no model.") end
    ctx.stream = call.stream == true

    local now = time()
    local used = limits:incr(namespace .. ":" .. (now - now % window), 1, 0, 2 * window)
    if used and used > allowed[namespace] then
        ngx.header["retry-after"] = window - now % window
        return refuse(429, "rate_limited", "The rate limit is reached.")
    end

    local targets = models[asked]
    if not targets then return refuse(404, "model_not_found", "No such model is configured.") end
    ctx.model = asked
    var.model = asked
    local target = choose(targets)
    var.chosen = target.upstream
    if target.model ~= asked then req.set_body_data(with_model(body, call, asked, target.model)) end
end

-- A plain answer is decoded at its end; of a stream, which sends its usage last, only the tail is kept.
function _M.read_usage()
    local ctx = ngx.ctx
    if not ctx.model then return end
    local chunk, last = ngx.arg[1], ngx.arg[2]
    if ctx.stream then
        if chunk ~= "" then ctx.tail = sub((ctx.tail or "") .. chunk, -4096) end
        if last and ctx.tail then
            local object = ctx.tail:match('"usage":(%b{})')
            ctx.usage = object and decode(object)
        end
        return
    end
    local parts = ctx.parts
    if last and not parts then
        local answer = decode(chunk)
        ctx.usage = answer and answer.usage
        return
    end
    if not parts then
        parts = {}
        ctx.parts = parts
    end
    if chunk ~= "" then parts[#parts + 1] = chunk end
    if last then
        local answer = decode(#parts == 1 and parts[1] or concat(parts))
        ctx.usage = answer and answer.usage
    end
end

function _M.account()
    local ctx = ngx.ctx
    local labels = (ctx.namespace or "") .. "|" .. (ctx.model or "") .. "|"
    counters:incr("requests|" .. labels .. (ctx.code or ngx.status), 1, 0)
    local usage = ctx.usage
    if usage then
        counters:incr("input|" .. labels, usage.prompt_tokens or 0, 0)
        counters:incr("output|" .. labels, usage.completion_tokens or 0, 0)
    end
end

function _M.metrics()
    ngx.header["content-type"] = "text/plain; version=0.0.4"
    for _, name in ipairs(counters:get_keys(0)) do
        local kind, namespace, model, code = name:match("^(%w+)|([^|]*)|([^|]*)|(.*)$")
        local labels = '{namespace="' .. namespace .. '",model="' .. model .. '"'
        if kind == "requests" then
            ngx.say("gateway_requests_total", labels, ',code="', code, '"} ', counters:get(name))
        else
            ngx.say("gateway_tokens_total", labels, ',kind="', kind, '"} ', counters:get(name))
        end
    end
end

return _M
