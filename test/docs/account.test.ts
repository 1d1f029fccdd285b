// Every command and manifest of the documents is run by a test that says so, or stands in a short list with the reason.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BLOCKS, blocksAt, EXCUSED, RUNS, STAND_INS } from './account.ts'
import { ROOT } from './markdown.ts'

const RUN = placesOf(Object.values(RUNS).flat())
const NOT_RUN = placesOf(Object.keys(EXCUSED))
/** Parts of configurations that no machine or cluster of these tests has. */
const ACCEPTED = BLOCKS.filter(({ at, language }) => language === 'yaml' && !RUN.has(at))

test('every block is run, accepted by the program that it is for, or excused', (t) => {
  assert.ok(BLOCKS.length > 100, `${BLOCKS.length} blocks were found`)
  const accepted = placesOf(ACCEPTED.map(({ at }) => at))
  const nobodys = BLOCKS.filter(({ at }) => !RUN.has(at) && !NOT_RUN.has(at) && !accepted.has(at))
  assert.deepEqual(
    nobodys.map(({ at, heading, text }) => `${at} (${heading}): ${text.split('\n')[0]}`),
    [],
    'have a test run it, and say so in test/docs/account.ts',
  )
  t.diagnostic(`${RUN.size} blocks are run; ${ACCEPTED.length} are accepted by Fairway, Helm or an API server alone`)
  for (const { at, heading } of ACCEPTED) t.diagnostic(`accepted alone: ${at} (${heading})`)
  for (const [place, why] of Object.entries(EXCUSED)) t.diagnostic(`not run: ${place}: ${why}`)
  for (const [program, why] of Object.entries(STAND_INS)) t.diagnostic(`stand-in: ${program}: ${why}`)
})

test('nothing is excused that is run', () => {
  assert.deepEqual(
    [...NOT_RUN].filter((at) => RUN.has(at)),
    [],
  )
})

test('each test that runs something settles its account', () => {
  const wrong = Object.keys(RUNS).filter((file) => {
    if (!existsSync(join(ROOT, file))) return true
    return !/\bsettle\(import\.meta\.filename\)|\bmovingTest\(/.test(readFileSync(join(ROOT, file), 'utf8'))
  })
  assert.deepEqual(wrong, [])
})

function placesOf(places: readonly string[]): ReadonlySet<string> {
  return new Set(places.flatMap((place) => (/:\d+$/.test(place) ? [place] : blocksAt(place).map(({ at }) => at))))
}
