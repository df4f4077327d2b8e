-- For wrk: every request carries another sentence, so that no cache can help.
--
--     wrk … --script sentences.lua URL -- query|infer FILE
--
-- FILE holds one sentence per line, encoded as its place in the request demands: for a URL (`query`) or as JSON (`infer`).
-- At the end the whole distribution of latencies is printed as one line of JSON.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
   thread:set("threads", threads)
end

function init(arguments)
   kind = arguments[1]
   sentences = {}
   local count = 0
   for line in io.lines(arguments[2]) do
      count = count + 1
      sentences[count] = line
   end
   -- Threads start at different places of the file.
   place = math.floor(#sentences * number / 4) % #sentences
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   place = place % #sentences + 1
   if kind == "query" then
      return wrk.format("GET", "/api/intent?sentence=" .. sentences[place])
   end
   local input = '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":[' .. sentences[place] .. ']}]}'
   return wrk.format("POST", wrk.path, nil, input)
end

function done(summary, latency, requests)
   local points = {}
   for _, percent in ipairs({ 0.1, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 97, 98, 99, 99.5, 99.9, 99.99 }) do
      points[#points + 1] = string.format('"%g":%g', percent, latency:percentile(percent) / 1000)
   end
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"seconds":%g,"failed":%d,"timeouts":%d,"mean":%g,"maximum":%g,"percentiles":{%s}}\n',
      summary.requests, summary.duration / 1e6, errors.status + errors.connect + errors.read + errors.write,
      errors.timeout, latency.mean / 1000, latency.max / 1000, table.concat(points, ",")))
end
