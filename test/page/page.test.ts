/** The status page in a real browser: what is seen, by keyboard and by those who do not see, and what a Service cannot do to it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { createKnowledge } from '../../src/operator/view.ts'
import { guardLoopback } from '../../src/server/page-access.ts'
import { pool, service } from '../support/builders.ts'
import { assertQuiet, audit, launchBrowser, type Scheme, shoot, visit } from './browser.ts'
import { createPageWorld, serveWorld, smallWorld } from './rig.ts'

const stop = new AbortController()
let browser: Browser

before(async () => {
  browser = await launchBrowser()
})
after(async () => {
  await browser.close()
  stop.abort()
})

for (const scheme of ['light', 'dark'] as const satisfies readonly Scheme[])
  for (const width of [1440, 390])
    test(`axe-core finds nothing, ${scheme}, ${width} pixels wide, with all opened`, async () => {
      const { url } = await serveWorld(await smallWorld(), stop.signal)
      const seen = await visit(browser, url, { scheme, width })
      const { page } = seen
      await page.getByRole('option', { name: 'shop/web' }).first().click()
      for (const summary of await page.locator('summary').all()) await summary.click()
      await shoot(page, `small-${scheme}-${width}`)
      assert.deepEqual(await audit(page), [])
      assert.equal(
        await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
        true,
        'it scrolls sideways',
      )
      assertQuiet(seen, url)
      await page.close()
    })

test('problems come first, gravest on top, each with its remedy', async () => {
  const { url } = await serveWorld(await smallWorld(), stop.signal)
  const { page } = await visit(browser, url)
  const headings = await page.locator('h2').allTextContents()
  assert.equal(
    headings.find((text) => /^\w/.test(text) && !text.startsWith('A token')),
    'Problems 2',
  )
  const problems = page.locator('#problem-list > *')
  assert.match(
    String(await problems.nth(0).textContent()),
    /^✕proxy edge-2 ProxyUnreachable.*Start it, or correct its URL/,
  )
  assert.match(
    String(await problems.nth(1).textContent()),
    /^▲Service infra\/dns PoolExhausted.*Add addresses to a pool/,
  )
  assert.equal((await page.content()).includes('secret'), false, 'the password of a proxy is on the page')
  await page.close()
})

test('the picture leads from the address to the nodes, with what each is like', async () => {
  const { url } = await serveWorld(await smallWorld(), stop.signal)
  const { page } = await visit(browser, url)
  await page.getByRole('option', { name: 'shop/web' }).first().click()
  const columns = await page.locator('#picture .column').allInnerTexts()
  assert.deepEqual(
    columns.map((text) =>
      text
        .split(/\s*\n\s*/)
        .filter((line) => !/^[●◐✕?]$/.test(line))
        .join(' | '),
    ),
    [
      'Address | 203.0.113.11',
      'Frontends | :80 TCP | edge-1 | served | edge-2 | unknown | :443 TCP | edge-1 | served | edge-2 | unknown',
      'Service | shop/web | to port 30080',
      'Targets | ◐worker-2 | 10.0.0.2 | cordoned | ●worker-1 | 10.0.0.1',
    ],
  )
  assert.equal(await page.locator('#picture svg path').count(), 6)
  await page.close()
})

test('everything is reached by keyboard: search, choose, follow a problem', async () => {
  const { url } = await serveWorld(await smallWorld(), stop.signal)
  const { page } = await visit(browser, url)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'To the problems')
  await page.locator('#search').focus()
  await page.keyboard.type('web 443')
  assert.equal(await page.locator('#frontend-count').textContent(), '1 of 4')
  assert.equal(await page.locator('#said').textContent(), '1 frontend found')
  await page.keyboard.press('ArrowDown')
  assert.equal(await page.evaluate('document.activeElement.id'), 'list')
  assert.match(String(await page.locator('#picture h3').textContent()), /shop\/web/)
  await page.locator('#search').fill('')
  await page.locator('#list').focus()
  await page.keyboard.press('Home')
  const active = async () => {
    const id = await page.locator('#list').getAttribute('aria-activedescendant')
    assert.equal(await page.evaluate('document.activeElement.id'), 'list')
    return String(await page.locator(`#${id}`).textContent())
  }
  assert.match(await active(), /infra\/dns/)
  await page.keyboard.press('ArrowDown')
  assert.match(await active(), /mail\/postfix/)
  await page.keyboard.press('End')
  assert.match(await active(), /shop\/web.*/)
  await page.getByRole('button', { name: 'Show Service infra/dns among the frontends' }).focus()
  await page.keyboard.press('Enter')
  assert.match(await active(), /infra\/dns/)
  await page.close()
})

test('what changes in the cluster comes by itself, and leaves the focus and what is open as it is', async () => {
  const world = await smallWorld()
  const { url } = await serveWorld(world, stop.signal)
  const { page } = await visit(browser, url)
  const change = page.locator('#change-list details').first()
  const text = await change.textContent()
  await change.locator('summary').click()
  world.world.put(service('shop/new', { ports: ['8443'], annotations: { address: '203.0.113.11' } }))
  await world.pass()
  await page.getByRole('option', { name: 'shop/new' }).waitFor()
  assert.match(
    String(await page.locator('#change-list details').first().textContent()),
    /\+ tcp\/203\.0\.113\.11:8443 {2}shop\/new/,
  )
  const opened = page.locator('#change-list details[open]')
  assert.equal(await opened.count(), 1)
  assert.equal(String(await opened.textContent()).replace(/^\d+ s ago/, ''), String(text).replace(/^\d+ s ago/, ''))
  assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY')
  await page.close()
})

test('an operator that goes away is told, with what was known before', async () => {
  const served = await serveWorld(await smallWorld(), stop.signal)
  const { page } = await visit(browser, served.url)
  served.close()
  await page.locator('#notice:has-text("The operator does not answer")').waitFor()
  assert.equal(await page.locator('#live').textContent(), 'No contact')
  assert.equal(await page.getByRole('option').count(), 4)
  await page.close()
})

test('what users write is text: no markup, no script', async () => {
  const world = createPageWorld([pool('main', ['203.0.113.10'])])
  const markup = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'
  world.world.put(service('shop/web', { annotations: { balance: markup } }))
  await world.pass()
  const { url } = await serveWorld(world, stop.signal)
  const seen = await visit(browser, url)
  assert.match(String(await seen.page.locator('#problem-list').textContent()), /<img src=x onerror=/)
  assert.equal(await seen.page.locator('#content img, #content script').count(), 0)
  assert.match(await seen.page.title(), /Fairway lab$/)
  const injected = await seen.page.evaluate("try { document.body.innerHTML = '<b>x</b>' } catch (error) { error.name }")
  assert.equal(injected, 'TypeError', 'the policy allows text to become markup')
  await seen.page.close()
})

test('where a token is needed the page asks for it, and shows nothing before', async () => {
  const world = await smallWorld()
  const { url } = await serveWorld(world, stop.signal, ({ authorization }) =>
    Promise.resolve(
      authorization === 'Bearer good' ? 'allowed' : authorization === undefined ? 'unknown' : 'forbidden',
    ),
  )
  const { page } = await visit(browser, url)
  assert.equal(await page.locator('#content').isVisible(), false)
  assert.deepEqual(await audit(page), [])
  await page.getByLabel('Token').fill('bad')
  await page.keyboard.press('Enter')
  await page.locator('#notice:has-text("/fairway")').waitFor()
  await page.getByLabel('Token').fill('good')
  await page.keyboard.press('Enter')
  await page.locator('#content:not([hidden])').waitFor()
  assert.equal(await page.getByRole('option').count(), 4)
  await page.close()
})

test('a replica that follows says who knows more, and shows nothing', async () => {
  const knowledge = createKnowledge(Date.now)
  const { url } = await serveWorld({ knowledge }, stop.signal, guardLoopback, true)
  const page = await browser.newPage()
  await page.goto(url)
  await page.locator('#notice:has-text("This replica follows")').waitFor()
  assert.equal(await page.locator('#content').isVisible(), false)
  assert.deepEqual(await audit(page), [])
  await page.close()
})
