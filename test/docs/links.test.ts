// Links within the repository lead to files that are there, and to headings that these have.
import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { type Link, type Page, ROOT, readPages } from './markdown.ts'

const PAGES = readPages()
const BY_FILE = new Map(PAGES.map((page) => [page.file, page]))

test('every link resolves', () => {
  const links = PAGES.flatMap((page) => page.links)
  assert.ok(links.length > 100, 'the links were not found')
  assert.deepEqual(links.flatMap(brokenLink), [])
})

test('every document is reached from the README', () => {
  const seen = new Set<string>()
  const open = ['README.md']
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    open.push(...(BY_FILE.get(file)?.links ?? []).flatMap(ownFile).flatMap(documentsAt))
  }
  assert.deepEqual(
    PAGES.map(({ file }) => file).filter((file) => !seen.has(file)),
    [],
  )
})

/** Whatever a reader of the source would see of it: a folder shows its README, or all that is there. */
function documentsAt(file: string): readonly string[] {
  if (file.endsWith('.md')) return [file]
  const readme = join(file, 'README.md')
  return BY_FILE.has(readme) ? [readme] : globSync(`${file}/*.md`, { cwd: ROOT })
}

/** The path of what a link leads to, unless it leads out of the repository. */
function ownFile({ file, target }: Link): readonly string[] {
  if (/^[a-z]+:/.test(target)) return []
  const [path = ''] = target.split('#')
  return [path === '' ? file : normalize(join(dirname(file), path))]
}

function brokenLink(link: Link): readonly string[] {
  const [file] = ownFile(link)
  if (file === undefined) return []
  const what = `${link.at}: ${link.target}`
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) return [`${what}: there is no ${file}`]
  const [, anchor] = link.target.split('#')
  if (anchor === undefined || hasAnchor(BY_FILE.get(file), anchor)) return []
  return [`${what}: ${file} has no such heading`]
}

function hasAnchor(page: Page | undefined, anchor: string): boolean {
  return page?.anchors.has(anchor) === true
}
