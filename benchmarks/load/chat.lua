-- wrk's script: the same chat request with each of the keys in turn.
--   wrk … -s chat.lua URL -- PATH KEYS_FILE BODY_FILE [close]
-- KEYS_FILE has lines of `key namespace limit`; `-` stands for callers without a key. Requests are built once where
-- they take no more than ROOM together; of small requests with very many keys only the keys are kept, and of large
-- ones as many as there is room for.
-- `close` asks for a new connection with every request.
local ROOM, LARGE = 16 * 1024 * 1024, 64 * 1024
local requests, keys, namespaces, count, position = {}, {}, {}, 0, 0
local head, middle, rest

local function built(key, namespace)
    return head .. key .. middle .. namespace .. rest
end

function init(arguments)
    local path, keys_file, body_file, close = arguments[1], arguments[2], arguments[3], arguments[4]
    local body = assert(io.open(body_file, "rb")):read("*a")
    local start = "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    head = start .. "\r\nAuthorization: Bearer "
    middle = "\r\nx-namespace: "
    rest = "\r\nContent-Type: application/json\r\nAccept: application/json\r\nUser-Agent: OpenAI/Python 3.0.0\r\n"
        .. (close == "close" and "Connection: close\r\n" or "")
        .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
    if keys_file == "-" then
        count, requests[1] = 1, start .. rest
        return
    end
    local most = #body > LARGE and math.max(1, math.floor(ROOM / #body)) or math.huge
    for line in io.lines(keys_file) do
        local key, namespace = line:match("^(%S+) (%S+) %d+$")
        if namespace ~= "tiny" and count < most then
            count = count + 1
            keys[count], namespaces[count] = key, namespace
        end
    end
    if count * #rest <= ROOM or #body > LARGE then
        for number = 1, count do requests[number] = built(keys[number], namespaces[number]) end
    end
    position = math.random(count) - 1
end

function request()
    position = position % count + 1
    return requests[position] or built(keys[position], namespaces[position])
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"errors":%d,"refused":%d}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout, errors.status
    ))
end
