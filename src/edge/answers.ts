import {
  adoptSchema,
  deleteSchema,
  type EdgeInfoAnswer,
  type HealthAnswer,
  patchSchema,
  putSchema,
  type TableAnswer,
  type TablesAnswer,
  type WriteAnswer,
} from '../model/edge-wire.ts'
import { isObject } from '../model/json.ts'
import { compareText, frontendKey } from '../model/table.ts'
import { readAs, readJson } from './body.ts'
import {
  covers,
  coversCluster,
  findReserved,
  type OwnerName,
  type OwnerParts,
  ownerName,
  parseOwner,
  type Scope,
} from './owners.ts'
import { readExpected } from './preconditions.ts'
import type { Referee, View } from './referee.ts'
import { RequestError, refuse } from './refusal.ts'
import type { Write } from './writes.ts'

/** Where answers come from. */
export interface Sources {
  readonly referee: Pick<Referee, 'submit' | 'look' | 'tables'>
  readonly info: () => Promise<EdgeInfoAnswer>
  readonly health: (owner: OwnerName) => Promise<HealthAnswer>
  /** Largest body, as sent and as unpacked. */
  readonly bodyBytes: number
  /** Most tables of one cluster. */
  readonly classes: number
}

/** JSON, and for a table its generation. */
export interface Answer {
  readonly value: object
  readonly generation?: number
}

/** A request of somebody who is known. */
export interface Call {
  readonly scope: Scope
  readonly request: Request
  readonly cluster: string
  readonly className: string
  readonly query: URLSearchParams
  readonly signal: AbortSignal
}

export async function answerInfo({ info }: Sources): Promise<Answer> {
  return { value: await info() }
}

export async function answerTables({ referee }: Sources, { scope, cluster, query }: Call): Promise<Answer> {
  if (!coversCluster(scope, cluster)) throw forbidden()
  const except = query.get('except')
  const tables = [...referee.tables.values()]
    .filter(({ owner }) => owner.cluster === cluster && owner.className !== except && covers(scope, owner))
    .map(({ owner, generation, uid, epoch, writtenAt, table }) => {
      return { class: owner.className, generation, uid, epoch, writtenAt, keys: table.frontends.map(frontendKey) }
    })
    .toSorted((a, b) => compareText(a.class, b.class))
  return { value: { tables } satisfies TablesAnswer }
}

export async function answerTable({ referee }: Sources, call: Call): Promise<Answer> {
  const view = referee.look(ownerName(ownerOf(call)))
  if (view === undefined) throw notFound(call)
  const { table, generation } = view.stored
  const known = call.query.get('known') === String(generation)
  const value: TableAnswer = {
    ...contentOf(view),
    ...(known ? {} : { table: { frontends: [...table.frontends], groups: [...table.groups] } }),
    ...(view.trouble === undefined ? {} : { trouble: view.trouble }),
  }
  return { value, generation }
}

export async function answerWrite(sources: Sources, call: Call): Promise<Answer> {
  const owner = ownerOf(call)
  checkName(owner, call)
  const expected = readExpected(call.request.headers)
  const write = await readWrite(sources, call)
  if (expected === 0) checkClasses(sources, owner)
  const outcome = await sources.referee.submit(owner, expected, write, call.signal)
  if ('refused' in outcome) throw new RequestError(outcome.refused)
  const { view } = outcome
  return view === undefined ? { value: {} } : { value: contentOf(view), generation: view.stored.generation }
}

export async function answerHealth({ referee, health }: Sources, call: Call): Promise<Answer> {
  const owner = ownerName(ownerOf(call))
  if (referee.look(owner) === undefined) throw notFound(call)
  return { value: await health(owner) }
}

async function readWrite({ bodyBytes }: Sources, { request, query }: Call): Promise<Write> {
  const limit = { bytes: bodyBytes, remedy: "Send less, or raise `limits.body` in the proxy's edge.yaml" }
  switch (request.method) {
    case 'PUT':
      return { kind: 'put', ...readAs(putSchema, await readJson(request, limit), 'the body') }
    case 'PATCH': {
      const body = await readJson(request, limit)
      if (isObject(body) && 'adopts' in body) return readAdoption(body)
      const { uid, epoch, ...patch } = readAs(patchSchema, body, 'the body')
      return { kind: 'patch', uid, epoch, patch }
    }
    default:
      return { kind: 'delete', ...readAs(deleteSchema, Object.fromEntries(query), 'the query') }
  }
}

function readAdoption(body: object): Write {
  const { uid, epoch, adopts: from } = readAs(adoptSchema, body, 'the body')
  return { kind: 'adopt', uid, epoch, from }
}

function contentOf({ stored, refused, notices }: View): WriteAnswer {
  const { generation, uid, epoch } = stored
  const verdicts = refused.map(({ key, problem }) => ({ key, state: 'refused' as const, problem }))
  return { generation, uid, epoch, verdicts, notices: [...notices] }
}

/** The table that a request is for. Throws the same for a stranger's, there or not, and for what can be nobody's. */
function ownerOf({ scope, cluster, className }: Call): OwnerParts {
  const owner = parseOwner(`${cluster}/${className}`)
  if (owner === undefined || !covers(scope, owner)) throw forbidden()
  return owner
}

/** The administrator may remove by hand what calls have left. */
function checkName({ cluster }: OwnerParts, { request }: Call): void {
  const reserved = request.method === 'DELETE' ? undefined : findReserved(cluster)
  if (reserved !== undefined) throw new RequestError(refuse('Forbidden', reserved.message, reserved.remedy))
}

/** Whoever may write for a whole cluster could fill the disk with classes. */
function checkClasses({ referee, classes }: Sources, owner: OwnerParts): void {
  const others = [...referee.tables.values()].filter((one) => one.owner.cluster === owner.cluster)
  if (others.length < classes || referee.look(ownerName(owner)) !== undefined) return
  const message = `the cluster ${owner.cluster} has ${classes} tables, the most that it may have`
  throw new RequestError(refuse('QuotaExceeded', message, "Raise `limits.classes` in the proxy's edge.yaml"))
}

function forbidden(): RequestError {
  return new RequestError(
    refuse('Forbidden', 'this credential is not for that table', 'Use the credential of its owner'),
  )
}

function notFound({ cluster, className }: Call): RequestError {
  return new RequestError(refuse('NotFound', `there is no table ${cluster}/${className}`, 'Send it by PUT'))
}
