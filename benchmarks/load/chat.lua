-- wrk's script: the same chat request with each of the keys in turn.
--   wrk … -s chat.lua URL -- KEYS_FILE BODY_FILE
-- KEYS_FILE has lines of `key namespace limit`. The requests are built once; sending one is a table lookup.
local requests, count, position = {}, 0, 0

function init(arguments)
    local body = assert(io.open(arguments[2], "rb")):read("*a")
    for line in io.lines(arguments[1]) do
        local key, namespace = line:match("^(%S+) (%S+) %d+$")
        if namespace ~= "tiny" then
            count = count + 1
            requests[count] = wrk.format("POST", "/v1/chat/completions", {
                ["Host"] = wrk.headers["Host"],
                ["Authorization"] = "Bearer " .. key,
                ["x-namespace"] = namespace,
                ["Content-Type"] = "application/json",
                ["Accept"] = "application/json",
                ["User-Agent"] = "OpenAI/Python 3.0.0",
            }, body)
        end
    end
    position = math.random(count) - 1
end

function request()
    position = position % count + 1
    return requests[position]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"errors":%d,"refused":%d}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout, errors.status
    ))
end
