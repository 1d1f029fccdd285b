import { CHECKS } from './blueprint.ts'
import type { Running, RunningServer } from './running.ts'
import { type ServerState, type Servers, serverName } from './servers.ts'

/**
 * The commands that bring running servers to a state, in an order in which targets join before others leave; undefined when the running
 * configuration has not got these servers. `sticky` names the backends whose clients come back to their target.
 *
 * Slots are filled and emptied, never added: `add server` cannot add what others track, and `del server` fails for as long as there are connections
 * (both in HAProxy 2.6). An empty slot costs some kilobytes.
 */
export function planCommands(
  wanted: ReadonlyMap<string, Servers>,
  running: Running['backends'],
  sticky: ReadonlySet<string>,
): readonly string[] | undefined {
  const join: string[] = []
  const leave: string[] = []
  for (const [backend, servers] of wanted) {
    const known = running.get(backend)
    if (servers.length !== (known?.size ?? 0)) return undefined
    for (const [slot, server] of servers.entries()) {
      const have = known?.get(serverName(slot))
      if (have === undefined) return undefined
      const name = `${backend}/${serverName(slot)}`
      if (server === undefined) {
        if (!have.maintenance) leave.unshift(`set server ${name} state maint`)
        continue
      }
      join.push(...changeServer(name, server, have))
      if (isDraining(server, have)) leave.unshift(...drainServer(backend, slot, sticky))
    }
  }
  // Those who leave do so in reverse: a server that is checked takes those that track it along.
  return [...join, ...leave]
}

/** Gets no more connections from now on, and had them until now. */
function isDraining(want: ServerState, have: RunningServer): boolean {
  return want.weight === 0 && have.weight > 0 && !have.maintenance
}

/** HAProxy lets clients that stick to a server come back to it even at weight 0. */
function drainServer(backend: string, slot: number, sticky: ReadonlySet<string>): readonly string[] {
  const weigh = `set server ${backend}/${serverName(slot)} weight 0`
  return sticky.has(backend) ? [weigh, `clear table ${backend} data.server_id eq ${slot + 1}`] : [weigh]
}

function changeServer(name: string, want: ServerState, have: RunningServer): readonly string[] {
  const moved = want.address !== have.address || (want.port ?? 0) !== have.port
  const port = want.port === undefined ? '' : ` port ${want.port}`
  const weighed = want.weight !== have.weight && !isDraining(want, have)
  return [
    ...(moved ? [`set server ${name} addr ${want.address}${port}`] : []),
    ...(weighed ? [`set server ${name} weight ${want.weight}`] : []),
    ...(have.maintenance || have.drained ? [`set server ${name} state ready`] : []),
  ]
}

/**
 * Commands that tell a new worker which targets the one before it found down: it would send them connections until its own checks are through.
 * Those that track a check follow it.
 */
export function keepVerdicts(wanted: ReadonlyMap<string, Servers>, before: Running['backends']): readonly string[] {
  return [...wanted].flatMap(([backend, servers]) => {
    if (!backend.startsWith(CHECKS)) return []
    return servers.flatMap((server, slot) => {
      const had = before.get(backend)?.get(serverName(slot))
      const isDown = had !== undefined && !had.up && !had.maintenance && had.address === server?.address
      return isDown ? [`set server ${backend}/${serverName(slot)} health down`] : []
    })
  })
}
