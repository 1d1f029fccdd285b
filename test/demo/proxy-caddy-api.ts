/** Caddy that the operator programs from afar, over its admin API. */
import { buildSmallCaddy } from '../lab/build.ts'
import type { Lab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from '../lab/proxy-caddy.ts'
import { configOf, type DemoProxy, type ProxyKind } from './proxy.ts'
import { say, showCommand } from './show.ts'

interface Server {
  readonly listen?: readonly string[]
  readonly routes?: readonly {
    readonly handle?: readonly { readonly upstreams?: readonly { readonly dial?: readonly string[] }[] }[]
  }[]
}

export const caddyApi: ProxyKind = {
  what: 'Caddy, programmed from afar over its admin API',
  prepare: async (signal) => void (await buildSmallCaddy(toStderr, signal)),
  start: startDemo,
}

async function startDemo(lab: Lab, signal: AbortSignal): Promise<DemoProxy> {
  say('Outside stands Caddy, which the operator programs over its admin API.')
  const program = await buildSmallCaddy(toStderr, signal)
  const { adminUrl } = await startCaddy(lab, { program }, signal)
  const url = `${adminUrl}/config/apps/layer4/servers`
  const ask = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('edge', ['curl', '-sS', '-m', '5', url], limit)
    return JSON.parse(stdout) as Readonly<Record<string, Server>>
  }
  const config = configOf({ caddy: { url: adminUrl, insecure: true } })
  return {
    config: { outside: config, inside: config },
    values: {},
    proxyProtocol: 'v2',
    show: async (limit) => {
      const lines = Object.values(await ask(limit)).map(
        (server) => `${(server.listen ?? []).join(' ')}  →  ${dialsOf(server).join('  ')}`,
      )
      showCommand(
        "curl …/config/apps/layer4/servers      # what the proxy's admin API says, shortened",
        lines.join('\n'),
      )
      return lines
    },
    leadsTo: async (node, limit) =>
      Object.values(await ask(limit)).some((server) => dialsOf(server).some((dial) => dial.startsWith(`${node}:`))),
    looks: [`nsenter --net=/run/netns/fairway-edge curl ${url}`],
  }
}

function dialsOf({ routes = [] }: Server): readonly string[] {
  const handlers = routes.flatMap(({ handle = [] }) => handle)
  return handlers.flatMap(({ upstreams = [] }) => upstreams.flatMap(({ dial = [] }) => dial))
}
