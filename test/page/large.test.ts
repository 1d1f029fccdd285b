/** 5,000 frontends over 200 nodes: what it costs the operator, the wire and the browser. The numbers are in docs/status-page.md. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { sourceOf } from '../../src/cli/page.ts'
import { assertQuiet, audit, launchBrowser, type Scheme, shoot, visit } from './browser.ts'
import { largeWorld, type PageWorld, serveWorld } from './rig.ts'

const stop = new AbortController()
let browser: Browser
let world: PageWorld
let url: string

before(async () => {
  browser = await launchBrowser()
  world = await largeWorld()
  url = (await serveWorld(world, stop.signal)).url
})
after(async () => {
  await browser.close()
  stop.abort()
})

/** How long something in the page takes until the next frame is drawn. */
function time(page: Page, act: string): Promise<number> {
  const drawn = 'new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))'
  return page.evaluate<number>(
    `(async () => { const started = performance.now(); ${act}; await ${drawn}; return performance.now() - started })()`,
  )
}

test('the operator makes the view in a fraction of a second, and it is small on the wire', async (context) => {
  const source = sourceOf(world.knowledge, { cluster: 'lab', isElected: false, caches: { troubles: () => ({}) } })
  source.view()
  const started = performance.now()
  const text = JSON.stringify(source.view())
  const ms = performance.now() - started
  const answer = await fetch(`${url}view.json`, { headers: { 'accept-encoding': 'gzip' } })
  const packed = Number(answer.headers.get('content-length') ?? 0)
  context.diagnostic(
    `view: ${ms.toFixed(0)} ms, ${(text.length / 1e6).toFixed(2)} MB, ${(packed / 1e3).toFixed(0)} kB packed`,
  )
  assert.ok(ms < 1_000, `${ms} ms`)
  assert.ok(packed < 300_000, `${packed} bytes`)
})

test('a list of 5,000 draws what is in sight, and answers at once', async (context) => {
  const started = performance.now()
  const seen = await visit(browser, url)
  const { page } = seen
  await page.getByRole('option').first().waitFor()
  const shownMs = performance.now() - started
  const drawn = await page.getByRole('option').count()
  const elements = await page.evaluate<number>("document.querySelectorAll('*').length")
  assert.ok(drawn < 60, `${drawn} rows are drawn`)
  assert.equal(await page.getByRole('option').first().getAttribute('aria-setsize'), '5000')
  const searchMs = await time(
    page,
    "const s = document.getElementById('search'); s.value = 'app-24 node-7'; s.dispatchEvent(new Event('input'))",
  )
  assert.equal(await page.locator('#frontend-count').textContent(), '222 of 5,000')
  await page.locator('#search').fill('')
  await page.locator('#list').focus()
  const endMs = await time(
    page,
    "document.getElementById('list').dispatchEvent(new KeyboardEvent('keydown', { key: 'End' }))",
  )
  const active = page.locator('[aria-selected=true]')
  assert.equal(await active.getAttribute('aria-posinset'), '5000')
  assert.equal(await active.isVisible(), true)
  const scrollMs = await time(page, "document.getElementById('list').scrollTop = 100000")
  context.diagnostic(
    `shown after ${shownMs.toFixed(0)} ms, ${elements} elements, search ${searchMs.toFixed(0)} ms, End ${endMs.toFixed(0)} ms, scroll ${scrollMs.toFixed(0)} ms`,
  )
  assert.ok(Math.max(searchMs, endMs, scrollMs) < 500, `${searchMs} ${endMs} ${scrollMs} ms`)
  assertQuiet(seen, url)
  await page.close()
})

for (const scheme of ['light', 'dark'] as const satisfies readonly Scheme[])
  for (const width of [1440, 390])
    test(`axe-core finds nothing at 5,000 frontends, ${scheme}, ${width} pixels wide`, async () => {
      const { page } = await visit(browser, url, { scheme, width })
      await shoot(page, `large-${scheme}-${width}`)
      assert.deepEqual(await audit(page), [])
      await page.close()
    })

test('with its proxy away and a full pool, 5,000 frontends have few problems to read', async () => {
  const own = await largeWorld()
  const [first] = own.world.proxies
  assert.ok(first)
  first.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'proxy edge-1 is away', remedy: 'Start it' }
  await own.pass()
  const { page } = await visit(browser, (await serveWorld(own, stop.signal)).url)
  const cards = await page.locator('#problem-list > *').count()
  assert.ok(cards <= 5, `${cards} problems are shown`)
  await shoot(page, 'large-away')
  await page.close()
})
