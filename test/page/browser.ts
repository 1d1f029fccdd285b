/** Debian's Chromium, and what every page in it must not do: complain, or ask anybody but its own server. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

const SHOTS = resolve(import.meta.dirname, '../../test-output/page')
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export type Scheme = 'light' | 'dark'

export interface Look {
  readonly scheme?: Scheme
  readonly width?: number
}

export interface Visit {
  readonly page: Page
  /** Everything that was asked for. */
  readonly requests: readonly string[]
  /** Errors, on the console and thrown: a breach of the policy is one. */
  readonly complaints: readonly string[]
}

/** Chromium; root has no sandbox there. */
export function launchBrowser(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args })
}

/** Opens a page and waits until it shows something. */
export async function visit(
  browser: Browser,
  url: string,
  { scheme = 'light', width = 1440 }: Look = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme, reducedMotion: 'reduce' })
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(url)
  await page.locator('#content:not([hidden]), #token-form:not([hidden])').first().waitFor()
  return { page, requests, complaints }
}

/** Keeps a picture of the whole page below test-output/page. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true })
  await page.evaluate('scrollTo(0, 0)')
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
}

/** Of axe-core's results. */
interface Found {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string
    readonly nodes: readonly { readonly target: readonly string[] }[]
  }[]
}

/** What axe-core finds wrong with a page: `serious color-contrast: .tile`. The script goes in from outside: the page's own policy forbids it. */
export async function audit(page: Page): Promise<readonly string[]> {
  // By the debugger, past the policy of the page, which stays in force for everything else.
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<Found>("axe.run({ resultTypes: ['violations'] })")
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target }) => `${impact} ${id}: ${target.join(' ')}`),
  )
}

/** That a page asked nobody but its own server, and that nothing of it failed. */
export function assertQuiet({ requests, complaints }: Visit, url: string): void {
  assert.deepEqual(complaints, [])
  assert.deepEqual(
    requests.filter((one) => !one.startsWith(url)),
    [],
  )
}
