/**
 * Whether a text is a server name as a TLS client may send it, in lower case, or `*.` before one (RFC 6066 section 3, RFC 9525 section 6.3). An
 * IPv4 address, which ends in a number, is none.
 */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) &&
    !/(^|\.)\d+$/.test(text)
  )
}

/** Whether a name, or `*.` before one, takes in another: `*.b.example` stands for exactly one label (RFC 9525 section 6.3). */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === host) return true
  return pattern.startsWith('*.') && !host.startsWith('*.') && host.slice(host.indexOf('.')) === pattern.slice(1)
}

/** Whether two frontends on one socket would want the same client. One without hosts gets what no other takes, so it is in nobody's way but its like's. */
export function hostsOverlap(a: readonly string[], b: readonly string[]): boolean {
  if (a.length === 0 || b.length === 0) return a.length === b.length
  return a.some((one) => b.some((other) => coversHost(one, other) || coversHost(other, one)))
}
