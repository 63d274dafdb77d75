-- What Argo CD says of a LicenseSettings. The first that holds counts; docs/gitops.md has the table.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready or {}

local function health(word, message)
  return { status = word, message = message or ready.message or "" }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "is being deleted")
end
-- -1 until the operator has seen it; what it said of an older generation does not count.
if (status.observedGeneration or -1) < (obj.metadata.generation or 0) then
  return health("Progressing", "the operator has not judged this generation yet")
end
if ready.reason == "Suspended" then
  return health("Suspended")
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return health("Degraded")
end
-- Saved, and waiting for an approval: nothing goes on by itself.
if ready.reason == "ApplyPending" then
  return health("Suspended")
end
if ready.status == "True" then
  return health("Healthy")
end
return health("Progressing")
