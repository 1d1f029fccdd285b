import { type RenderContext, renderServer } from '../../caddy/render.ts'
import { sameJson } from '../../model/json.ts'
import { createMemo } from '../../model/memo.ts'
import { sameElements } from '../../model/remember.ts'
import { serverKey } from '../../model/server-names.ts'
import type { Served } from '../../model/table.ts'
import type { Wanted } from '../common/wanted.ts'
import type { Entry } from './parse.ts'

/** What shall be in one server. */
export interface ServerParts {
  /** At least one. */
  readonly wanted: readonly Wanted[]
  /** Frontends beside them that stay as they are on the proxy. */
  readonly kept: readonly Entry[]
}

/** Renders the servers of one proxy again and again. */
export interface Renderer {
  /** What a frontend's server is called. */
  nameOf(wanted: Wanted): string
  /**
   * Renders servers by name. One whose parts are the same objects as the last time is not rendered again, and one that comes out as the proxy has it
   * (`there`) is given as the proxy's own object.
   */
  render(parts: ReadonlyMap<string, ServerParts>, there: (name: string) => unknown): ReadonlyMap<string, unknown>
}

interface Rendered {
  readonly from: readonly object[]
  readonly json: unknown
}

export function createRenderer(context: RenderContext): Renderer {
  let last: ReadonlyMap<string, Rendered> = new Map()
  return {
    nameOf: createMemo(({ frontend }) => serverKey(context.owner, frontend)),
    render: (parts, there) => {
      last = new Map(Array.from(parts, ([name, one]) => [name, renderOne(context, one, last.get(name), there(name))]))
      return new Map(Array.from(last, ([name, { json }]) => [name, json]))
    },
  }
}

function renderOne(
  context: RenderContext,
  { wanted, kept }: ServerParts,
  before: Rendered | undefined,
  there: unknown,
): Rendered {
  const from = [...wanted, ...kept]
  const json =
    before !== undefined && sameElements(before.from, from) ? before.json : renderParts(context, wanted, kept)
  return { from, json: sameJson(json, there) ? there : json }
}

function renderParts(context: RenderContext, [first, ...more]: readonly Wanted[], kept: readonly Entry[]): unknown {
  if (first === undefined) throw new TypeError('a server without frontends')
  const { served, routes } = splitKept(kept)
  return renderServer(context, [first, ...more, ...served], routes)
}

/** What we know to render is rendered, as its form depends on its neighbours; what was edited by hand stays so. */
export function splitKept(kept: readonly Entry[]): {
  readonly served: readonly Served[]
  readonly routes: readonly Entry[]
} {
  return {
    served: kept.flatMap(({ served }) => served ?? []),
    routes: kept.filter(({ served }) => served === undefined),
  }
}
