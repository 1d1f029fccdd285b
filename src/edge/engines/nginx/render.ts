import { createHash } from 'node:crypto'
import type { EngineRefusal, EngineState } from '../engine.ts'
import { drawBlueprint } from './blueprint.ts'
import { block, type Part, partsText } from './parts.ts'
import { closedPath, statusPath } from './paths.ts'
import { renderHosts } from './render-hosts.ts'
import { renderSocket, renderUpstream, usable } from './render-socket.ts'

export interface RenderOptions {
  readonly socketDir: string
}

export interface Rendered {
  readonly text: string
  /** Names all of the text, so that a running nginx tells which it has loaded. */
  readonly shape: string
  readonly parts: readonly Part[]
  /** What no file can say of frontends that are well-formed each. */
  readonly refused: readonly EngineRefusal[]
}

const HEAD = '# Written by fairway edge, which overwrites what is edited here.'
const SHAPE = /^ {2}return "fairway \$pid (?<shape>[0-9a-f]{16})\\n";$/m

/** Renders the whole of our file, which is part of a `stream` block, for frontends that `acceptFrontends` let through. */
export function renderConfig({ frontends, groups }: EngineState, { socketDir }: RenderOptions): Rendered {
  const { sockets, refused } = drawBlueprint(frontends)
  const rest = sockets.flatMap((socket): readonly Part[] => {
    const upstreams = socket.routes.flatMap((route) => renderUpstream(route, usable(route, groups)))
    const served = new Set(upstreams.flatMap(({ owners }) => owners))
    return [...upstreams, ...(socket.shared ? renderHosts(socket, served, socketDir) : [renderSocket(socket, served)])]
  })
  const hosts = sockets.some(({ shared }) => shared) ? hostParts(socketDir) : []
  const shape = createHash('sha256')
    .update(socketDir)
    .update(partsText([...hosts, ...rest]))
    .digest('hex')
    .slice(0, 16)
  const parts = [{ owners: [], lines: [HEAD] }, statusPart(socketDir, shape), ...hosts, ...rest]
  return { text: partsText(parts), shape, parts, refused }
}

/** The shape that a file of ours bears. */
export function shapeOf(text: string): string | undefined {
  return SHAPE.exec(text)?.groups?.['shape']
}

function statusPart(socketDir: string, shape: string): Part {
  return block([], 'server', [...listenHere(statusPath(socketDir)), `return "fairway $pid ${shape}\\n";`])
}

/** What all sockets that hosts share have in common. Names are longer than what the tables of `map` hold by default. */
function hostParts(socketDir: string): readonly Part[] {
  return [
    { owners: [], lines: ['map_hash_bucket_size 512;', 'map_hash_max_size 65536;'] },
    // All but the first label: what a wildcard is compared with.
    block([], 'map $ssl_preread_server_name $fairway_parent', [
      'default "";',
      '~^[^.]+\\.(?<fairway_rest>.+)$ $fairway_rest;',
    ]),
    block([], 'server', [...listenHere(closedPath(socketDir)), 'return "";']),
  ]
}

function listenHere(path: string): readonly string[] {
  return [`listen unix:${path};`, 'allow all;', 'ssl_preread off;']
}
