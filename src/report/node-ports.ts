import { hostPort } from '../model/address.ts'
import { type Frontend, frontendKey, type Target } from '../model/table.ts'
import { type Finding, failing, finding } from './doctor.ts'
import { countOf } from './lines.ts'
import type { Survey } from './survey.ts'

/** A port of a node, or of a pod, that a frontend leads to. */
export interface Door {
  readonly node: string
  readonly address: string
  readonly port: number
  /** A frontend that leads there. */
  readonly frontend: string
}

/** What knocking at a door has told. */
export type Answer = 'open' | 'refused' | 'unreachable' | 'unknown'

/** More would take long, and say the same: kube-proxy opens all ports of a node alike. */
const MOST_DOORS = 200

/** The doors to knock at: of each node at least one before any has a second. Nothing can be told of UDP. */
export function chooseDoors({ classes }: Survey): readonly Door[] {
  const found = new Map<string, Door>()
  for (const { desired } of classes) {
    const groups = new Map(desired.table.groups.map(({ id, targets }) => [id, targets]))
    for (const frontend of desired.table.frontends) {
      if (frontend.protocol !== 'TCP') continue
      for (const target of groups.get(frontend.group) ?? []) noteDoor(found, frontend, target)
    }
  }
  const rounds = Map.groupBy(found.values(), ({ address }) => address)
  const longest = Math.max(0, ...[...rounds.values()].map(({ length }) => length))
  const turns = Array.from({ length: Math.min(longest, MOST_DOORS) }, (_, turn) => turn)
  return turns.flatMap((turn) => [...rounds.values()].flatMap((doors) => doors[turn] ?? [])).slice(0, MOST_DOORS)
}

function noteDoor(found: Map<string, Door>, frontend: Frontend, { name, address, port }: Target): void {
  const door = { node: name, address, port: port ?? frontend.targetPort, frontend: frontendKey(frontend) }
  const at = hostPort(address, door.port)
  if (!found.has(at)) found.set(at, door)
}

const WORDS: Readonly<Record<Exclude<Answer, 'open'>, readonly [what: string, remedy: string]>> = {
  refused: [
    'refuses connections',
    'Check kube-proxy on the node (or what stands in for it), and firewalls that reject',
  ],
  unreachable: ['cannot be reached', 'Check that the node is up, and the route to it'],
  unknown: ['does not answer', 'Check firewalls between here and the node: the proxy must be let in to its node ports'],
}

/** What the answers say of each node. From here is not from the proxy, so a closed door is a note. */
export function judgeDoors(doors: readonly Door[], answers: readonly Answer[]): readonly Finding[] {
  if (doors.length === 0) return [finding('node ports', 'skipped', 'nodes', 'no TCP frontend leads to one')]
  const shut = doors.flatMap((door, at) => {
    const answer = answers[at] ?? 'unknown'
    return answer === 'open' ? [] : [{ door, answer }]
  })
  if (shut.length === 0)
    return [finding('node ports', 'ok', countOf(doors.length, 'port'), 'all that were tried answer, from here')]
  const byNode = Map.groupBy(shut, ({ door, answer }) => `${door.node} ${answer}`)
  return [...byNode.values()].flatMap((all) => {
    const [first] = all
    if (first === undefined) return []
    const { door, answer } = first
    const [what, remedy] = WORDS[answer]
    const tried = doors.filter(({ node }) => node === door.node).length
    const message = `${hostPort(door.address, door.port)} of ${door.node}, for ${door.frontend}, ${what} from here (${all.length} of ${tried} tried)`
    const problem = { code: 'NoTargets', kind: 'transient', message, remedy } as const
    // A single port may be one whose pods refuse; all of a node is the node, or the way to it.
    return all.length === tried
      ? failing('node ports', `node ${door.node}`, problem)
      : finding('node ports', 'note', `node ${door.node}`, message, remedy)
  })
}
