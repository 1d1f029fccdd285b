/** The measured process: `caches` fills the operator's caches, `bare` reads the same lists page by page and keeps them as they come. */
import { pino } from 'pino'
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConfig } from '../../src/kube/credentials.ts'
import { ENDPOINT_SLICES, NODES, SERVICES } from '../../src/kube/resources.ts'
import { startCaches } from '../../src/operator/cluster.ts'

const [mode, kubeconfig] = process.argv.slice(2)
const client = createKubeClient({ kubeConfig: loadKubeConfig({ kubeconfig }) })
const started = performance.now()
const objects = mode === 'caches' ? await fillCaches(client) : await readBare(client)
const ms = performance.now() - started
const mebibytes = process.memoryUsage.rss() / 2 ** 20
process.stdout.write(`${JSON.stringify({ ms, mebibytes, objects })}\n`)
process.exit()

async function fillCaches(kube: KubeClient): Promise<number> {
  const caches = startCaches(kube, pino({ level: 'error' }), new AbortController().signal)
  await new Promise<void>((resolve) => {
    const check = () => (caches.synced() ? resolve() : undefined)
    caches.onChange(check)
    check()
  })
  const slices = caches.services().reduce((sum, service) => sum + caches.slicesOf(service.metadata).length, 0)
  return caches.services().length + caches.nodes().length + slices
}

interface Page {
  readonly metadata: { readonly continue?: string }
  readonly items: readonly unknown[]
}

async function readBare(kube: KubeClient): Promise<number> {
  const lists = await Promise.all(
    [SERVICES, NODES, ENDPOINT_SLICES].map(async ({ path }) => {
      const items: unknown[] = []
      for (let token: string | undefined = ''; token !== undefined; ) {
        const query = { limit: 500, ...(token === '' ? {} : { continue: token }) }
        const { body } = await kube.request({ method: 'GET', path, query }, AbortSignal.timeout(60_000))
        const page = body as Page
        items.push(...page.items)
        token = page.metadata.continue || undefined
      }
      return items
    }),
  )
  return lists.reduce((sum, items) => sum + items.length, 0)
}
