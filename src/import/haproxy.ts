import { type BoundRange, readBinds } from '../haproxy/binds.ts'
import { type ConfigSection, type Line, readSections } from '../haproxy/sections.ts'
import { FairwayError } from '../model/problems.ts'
import { type Backend, readBackend } from './haproxy-backend.ts'
import { type Acls, readAcls, readHosts, readSources } from './haproxy-conditions.ts'
import { effectiveLines, textOf } from './haproxy-lines.ts'
import { createRemarks, isCarriedRange, type OldConfig, type OldFrontend, type Remarks } from './old.ts'
import { sortTargets } from './targets.ts'

/** Reads what a configuration of HAProxy's listens on and where that leads. `file` is for messages. Throws ConfigInvalid where there is nothing. */
export function readHaproxyConfig(text: string, file: string): OldConfig {
  const sections = readSections(text)
  const remarks = createRemarks()
  const listening = sections.filter(({ kind }) => kind === 'frontend' || kind === 'listen')
  if (listening.length === 0) {
    throw new FairwayError({
      code: 'ConfigInvalid',
      kind: 'terminal',
      message: `${file} has neither a frontend nor a listen section`,
      remedy: "Name HAProxy's configuration, as haproxy.cfg",
    })
  }
  const frontends = listening.flatMap((section) => readFrontend({ file, sections, remarks }, section))
  return { frontends, remarks: remarks.all() }
}

export interface Reading {
  readonly file: string
  readonly sections: readonly ConfigSection[]
  readonly remarks: Remarks
}

function readFrontend(reading: Reading, section: ConfigSection): readonly OldFrontend[] {
  const { file, sections, remarks } = reading
  const at = `${file}:${section.line}`
  if (section.conditional) {
    remarks.add(at, `${section.kind} ${section.name} depends on .if, and is left out`)
    return []
  }
  const lines = effectiveLines(section, sections)
  if (lines.findLast(({ words }) => words[0] === 'mode')?.words[1] !== 'tcp')
    remarks.add(at, 'is in mode http: carried over as TCP, without what HAProxy does to HTTP')
  tellUnknown(reading, section)
  const acls = readAcls(section.lines)
  const sourceRanges = readSources(section.lines, acls, (line) => remarks.add(`${file}:${line.line}`, notCarried(line)))
  const maxconn = textOf(section.lines, 'maxconn') ?? ''
  const maxConnections = /^[1-9]\d{0,8}$/.test(maxconn) ? Number(maxconn) : undefined
  const binds = section.lines.flatMap((line) => (line.words[0] === 'bind' ? readBind(reading, line) : []))
  return readRoutes(reading, section, acls).flatMap(({ hosts, name }) => {
    const backend = readBackend(reading, section, name)
    if (backend === undefined) return []
    return binds.flatMap(({ range, line }) =>
      socketsOf(range).map((socket): OldFrontend => {
        const where = { at: `${file}:${line}`, protocol: 'TCP', ...socket } as const
        return { ...where, ...leadOf(backend, socket.port), hosts, sourceRanges, maxConnections }
      }),
    )
  })
}

/** A server without a port takes the one that the client connected to. */
function leadOf({ servers, ...settings }: Backend, port: number) {
  return { ...settings, targets: sortTargets(servers.map((one) => ({ address: one.address, port: one.port ?? port }))) }
}

function readBind({ file, remarks }: Reading, { words, line }: Line) {
  const at = `${file}:${line}`
  const [, sockets = '', ...options] = words
  if (options.includes('ssl') || options.includes('accept-proxy')) {
    remarks.add(at, 'ends TLS or takes PROXY headers, which Fairway does not: left out')
    return []
  }
  return readBinds(sockets, options.includes('v6only')).flatMap((range) => {
    const isCarried = range?.protocol === 'TCP' && isCarriedRange(range)
    if (!isCarried) remarks.add(at, `${sockets} is no address with one port or a few, and is left out`)
    return isCarried ? [{ range, line }] : []
  })
}

function socketsOf({ address, firstPort, lastPort }: BoundRange): readonly { address: string; port: number }[] {
  return Array.from({ length: lastPort - firstPort + 1 }, (_, offset) => ({ address, port: firstPort + offset }))
}

interface OldRoute {
  readonly hosts: readonly string[]
  /** Of the backend; undefined: the section has servers itself. */
  readonly name: string | undefined
}

/** Where the clients of a section go: those with a name by `use_backend`, and the others. */
function readRoutes({ file, remarks }: Reading, section: ConfigSection, acls: Acls): readonly OldRoute[] {
  const named = section.lines.flatMap((line): readonly OldRoute[] => {
    if (line.words[0] !== 'use_backend') return []
    const found = readHosts(line.words.slice(2), acls)
    if (found === undefined) remarks.add(`${file}:${line.line}`, notCarried(line))
    if (found?.deeper === true)
      remarks.add(`${file}:${line.line}`, 'names of more than one label before a suffix are not matched any more')
    return found === undefined ? [] : [{ hosts: found.hosts, name: line.words[1] }]
  })
  const fallback = textOf(section.lines, 'default_backend')
  if (fallback !== undefined) return [...named, { hosts: [], name: fallback }]
  return section.kind === 'listen' ? [...named, { hosts: [], name: undefined }] : named
}

function notCarried({ words }: Line): string {
  return `\`${words.join(' ')}\` is not carried over`
}

/** Lines that need no word: Fairway, or its HAProxy, has its own, or they say nothing of what is served. */
const SILENT = new Set(
  `mode bind acl use_backend default_backend maxconn server default-server balance log log-format log-tag description retries
  timeout stick stick-table hash-type id option tcp-request errorfile http-check no backlog fullconn capture`.split(
    /\s+/,
  ),
)

function tellUnknown({ file, remarks }: Reading, { lines }: ConfigSection): void {
  for (const line of lines) {
    if (!SILENT.has(line.words[0] ?? '')) remarks.add(`${file}:${line.line}`, notCarried(line))
  }
}
