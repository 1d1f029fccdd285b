/** A real API server and a real Caddy on loopback, and what the tests do to them. No nodes run: their addresses are only written. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CaddyProcess, startCaddy } from '../contract/caddy-harness.ts'
import { buildCaddy } from '../lab/build.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { type OperatorProcess, startOperator } from './operators.ts'

/** A piece of loopback that no other run on this machine has: two worlds would take each other's ports. */
const NET = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`
export const FIRST_ADDRESS = `${NET}.1`
const POOL = `${NET}.1-${NET}.9`

export interface World {
  readonly lab: Lab
  readonly caddy: CaddyProcess
  readonly dir: string
  readonly config: string
  operator(
    name: string,
    settings?: { readonly kubeconfig?: string; readonly elect?: boolean },
  ): Promise<OperatorProcess>
  createService(name: string, port: number): Promise<void>
  deleteService(name: string): Promise<void>
  createNode(name: string, address: string): Promise<void>
  deleteNode(name: string): Promise<void>
  /** What Caddy has of ours, as its admin API shows it. */
  servers(): Promise<string>
  /** Addresses of nodes that anything there leads to, sorted as text. */
  targets(): Promise<readonly string[]>
  /** All Services, byte for byte as the API server gives them, resource versions and managed fields included. */
  services(): Promise<string>
  /** Writes to Caddy in the order in which it got them, each with who wrote. */
  writers(): Promise<readonly string[]>
  /** Waits until Caddy serves exactly the Services that there are. */
  serves(timeoutMs?: number): Promise<void>
  /** Ends those that still run, in good order. */
  endOperators(): Promise<void>
  stop(): Promise<void>
}

const SERVICES = '/api/v1/namespaces/default/services'

export async function startWorld(signal: AbortSignal): Promise<World> {
  const { caddy: program } = await buildCaddy(toStderr, signal)
  const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
  const caddy = await startCaddy({ program })
  const dir = mkdtempSync(join(tmpdir(), 'fairway-resilience-'))
  const config = join(dir, 'fairway.yaml')
  writeFileSync(config, JSON.stringify(configuration(caddy.adminUrl)))
  const operators: OperatorProcess[] = []
  const wanted = new Map<string, number>()
  const endOperators = async () => {
    for (const one of operators.splice(0)) {
      // A stopped process takes no other signal but SIGKILL before it goes on.
      one.kill('SIGCONT')
      await one.end('SIGTERM')
    }
  }
  return {
    lab,
    caddy,
    dir,
    config,
    ...objects(lab, wanted, signal),
    ...views(lab, caddy, wanted, signal),
    operator: async (name, { kubeconfig = lab.kubeconfig, elect = true } = {}) => {
      const started = await startOperator({
        name,
        dir,
        config,
        kubeconfig,
        ...(elect ? { leaseNamespace: 'default' } : {}),
      })
      operators.push(started)
      await waitFor(`${name} to be ready`, () => started.ready(), { timeoutMs: 20_000, daemons: [started] }, signal)
      return started
    },
    endOperators,
    stop: async () => {
      await endOperators()
      await caddy.close()
      await lab.stop(AbortSignal.timeout(30_000))
      rmSync(dir, { recursive: true })
    },
  }
}

function configuration(url: string): object {
  const pools = [{ name: 'main', addresses: [POOL] }]
  const proxies = [{ name: 'edge-1', caddy: { url, insecure: true } }]
  return { cluster: 'resilience', classes: [{ name: 'public', default: true, pools, proxies }] }
}

/** `wanted` holds the port of each Service by its name. */
function objects(lab: Lab, wanted: Map<string, number>, signal: AbortSignal) {
  return {
    createService: async (name: string, port: number) => {
      const body = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { type: 'LoadBalancer', ports: [{ port }] },
      }
      wanted.set(name, port)
      await lab.api.request(SERVICES, { method: 'POST', body }, signal)
    },
    deleteService: async (name: string) => {
      wanted.delete(name)
      await lab.api.request(`${SERVICES}/${name}`, { method: 'DELETE' }, signal)
    },
    createNode: async (name: string, address: string) => {
      const body = { apiVersion: 'v1', kind: 'Node', metadata: { name } }
      await lab.api.request('/api/v1/nodes', { method: 'POST', body }, signal)
      const status = { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: 'True' }] }
      await lab.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: { status } }, signal)
    },
    deleteNode: async (name: string) => {
      await lab.api.request(`/api/v1/nodes/${name}`, { method: 'DELETE' }, signal)
    },
  }
}

function views(lab: Lab, caddy: CaddyProcess, wanted: ReadonlyMap<string, number>, signal: AbortSignal) {
  const servers = async () => {
    const apps = JSON.parse(await caddy.adminText('GET', '/config/')) as {
      readonly apps?: { readonly layer4?: { readonly servers?: object } }
    }
    return JSON.stringify(apps.apps?.layer4?.servers ?? {}, undefined, 1)
  }
  const ports = async () =>
    Object.keys(JSON.parse(await servers()) as object).map((key) => Number(key.split('.').at(-1)))
  return {
    servers,
    targets: async () => {
      const dialled = [...(await servers()).matchAll(/"(\d+(?:\.\d+){3}):\d+"/g)].flatMap(
        ([, address]) => address ?? [],
      )
      return [...new Set(dialled)].toSorted()
    },
    services: async () => {
      const list = (await lab.api.request(SERVICES, {}, signal)) as { readonly items: object }
      return JSON.stringify(list.items)
    },
    writers: async () => {
      const lines = (await caddy.log())
        .split('\n')
        .filter((line) => /"received request".*"method":"(POST|PUT)"/.test(line))
      return lines.flatMap((line) => /"User-Agent":\["([^"]*)"\]/.exec(line)?.[1] ?? [])
    },
    serves: async (timeoutMs = 20_000) => {
      const expected = [...wanted.values()].toSorted((a, b) => a - b).join()
      const same = async () => (await ports()).toSorted((a, b) => a - b).join() === expected
      await waitFor(`Caddy to serve ${expected}`, same, { timeoutMs }, signal)
    },
  }
}

/** A kubeconfig that leads through another port of loopback. */
export function kubeconfigThrough(world: World, port: number): string {
  const file = join(world.dir, `kubeconfig-${port}`)
  const { server } = world.lab.controlPlane.access
  const text = readFileSync(world.lab.kubeconfig, 'utf8')
  if (!text.includes(server)) throw new Error(`the kubeconfig does not name ${server}`)
  writeFileSync(file, text.replaceAll(server, `https://127.0.0.1:${port}`))
  return file
}
