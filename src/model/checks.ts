/** What checks do unless a Service says otherwise: HAProxy's own pace, which a target that restarts survives. */
export const CHECK_DEFAULTS = { intervalMs: 5_000, timeoutMs: 2_000, rise: 2, fall: 3 } as const
