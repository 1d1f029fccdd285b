import { columns, type Line, line, paragraphs, type Row, type Tone } from './lines.ts'
import { troubleLines } from './problems.ts'
import type { ClassStatus, ProxyStatus, ServiceStatus, StatusReport } from './status.ts'

const MOST_PROBLEMS = 20

/** The report for people: problems first. `all`: every Service, and not those alone that are not wholly served. */
export function statusLines({ problems, classes, notes }: StatusReport, all: boolean): readonly Line[] {
  const services = classes.flatMap((one) => one.services)
  const odd = all ? services : services.filter(({ serving }) => !isWell(serving))
  const served = services.length - services.filter(({ serving }) => !isWell(serving)).length
  const known = services.filter(({ serving }) => serving !== 'unknown' && serving !== 'not asked').length
  const count = known === 0 ? `${services.length} Services` : `${served} of ${services.length} Services served`
  return paragraphs(
    troubleLines(problems, all ? Number.POSITIVE_INFINITY : MOST_PROBLEMS),
    ...classes.map(classLines),
    serviceLines(odd, all ? 'Services' : 'Services that are not wholly served'),
    notes.map((note) => line(`Note: ${note}.`, 'faint')),
    [
      problems.length === 0
        ? line(`All is well: ${count}.`, 'good')
        : line(`${count}; ${problems.length} problem${problems.length === 1 ? '' : 's'}.`, 'warn'),
    ],
  )
}

function isWell(serving: ServiceStatus['serving']): boolean {
  return serving === 'yes' || serving === 'outdated'
}

function classLines({ name, default: standing, frontends, pools, proxies }: ClassStatus): readonly Line[] {
  const { wanted, served } = frontends
  const title = `Class ${name}${standing ? ' (default)' : ''}: ${served === undefined ? '' : `${served} of `}${wanted} frontends${served === undefined ? '' : ' served'}`
  const poolRows = pools.map(
    ({ name: pool, used, free, addresses }): Row => ({
      cells: [pool, String(used), shorten(free), addresses.join(', ')],
      tone: free === '0' ? 'warn' : 'plain',
    }),
  )
  return [
    line(title, 'title'),
    ...columns(['POOL', 'USED', 'FREE', 'ADDRESSES'], poolRows, '  '),
    ...columns(
      ['PROXY', 'STATE', 'FRONTENDS', 'REFUSED', 'PENDING', 'REVISION', 'ENDPOINT'],
      proxies.map(proxyRow),
      '  ',
    ),
  ]
}

const STATES: Readonly<Record<ProxyStatus['state'], Tone>> = {
  reachable: 'plain',
  unreachable: 'bad',
  troubled: 'bad',
  'not asked': 'faint',
}

function proxyRow({ name, state, frontends, refused, pending, revision, endpoint }: ProxyStatus): Row {
  const tone = STATES[state]
  const cells = [
    name,
    state,
    String(frontends ?? '-'),
    String(refused),
    String(pending),
    shorten(revision ?? '-'),
    endpoint,
  ]
  return { cells, tone: tone === 'plain' && refused > 0 ? 'warn' : tone }
}

function serviceLines(services: readonly ServiceStatus[], title: string): readonly Line[] {
  if (services.length === 0) return []
  const rows = services.map(
    ({ name, addresses, ports, serving, proxies, since }): Row => ({
      cells: [
        name,
        addresses.join(',') || '-',
        ports.join(',') || '-',
        serving,
        proxies.join(',') || '-',
        since ?? '-',
      ],
      tone: isWell(serving) ? 'plain' : serving === 'not asked' ? 'faint' : 'warn',
    }),
  )
  return [line(title, 'title'), ...columns(['SERVICE', 'ADDRESS', 'PORTS', 'SERVED', 'BY', 'SINCE'], rows, '  ')]
}

/** Etags and sizes of IPv6 ranges are longer than anybody reads. */
function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text
}
