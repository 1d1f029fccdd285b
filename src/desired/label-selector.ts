/** One requirement on one label. */
interface Requirement {
  readonly key: string
  readonly operator: 'in' | 'notin' | 'exists' | 'absent'
  readonly values: readonly string[]
}

export type LabelSelector = readonly Requirement[]

const KEY = '[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?'
const VALUE = '[A-Za-z0-9._-]*'
/** Far beyond any use; whoever may edit a Service must not keep the parser busy. */
const LONGEST = 2_048
const EQUALITY = new RegExp(`^(?<key>${KEY})\\s*(?<operator>==|=|!=)\\s*(?<value>${VALUE})$`)
// The values are checked one by one: a list of them in one expression takes exponential time to fail.
const SET = new RegExp(`^(?<key>${KEY})\\s+(?<operator>in|notin)\\s*\\((?<values>[^()]*)\\)$`)
const ONE_VALUE = new RegExp(`^${VALUE}$`)
const EXISTS = new RegExp(`^(?<absent>!?)\\s*(?<key>${KEY})$`)

/**
 * Reads a label selector in kubectl's syntax (`a=b,c!=d,e in (f,g),h,!i`); empty text selects everything. Undefined when it is malformed.
 * Source: Kubernetes' documentation "Labels and Selectors".
 */
export function parseSelector(text: string): LabelSelector | undefined {
  if (text.length > LONGEST) return undefined
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim())
  if (parts.length === 1 && parts[0] === '') return []
  const requirements = parts.map(parseRequirement)
  return requirements.every((one) => one !== undefined) ? requirements : undefined
}

function parseRequirement(text: string): Requirement | undefined {
  const equality = EQUALITY.exec(text)?.groups
  if (equality !== undefined) {
    const { key = '', operator, value = '' } = equality
    return { key, operator: operator === '!=' ? 'notin' : 'in', values: [value] }
  }
  const set = SET.exec(text)?.groups
  if (set !== undefined) {
    const { key = '', operator } = set
    const values = (set['values'] ?? '').split(',').map((value) => value.trim())
    if (!values.every((value) => ONE_VALUE.test(value))) return undefined
    return { key, operator: operator === 'in' ? 'in' : 'notin', values }
  }
  const exists = EXISTS.exec(text)?.groups
  return exists === undefined
    ? undefined
    : { key: exists.key ?? '', operator: exists.absent === '!' ? 'absent' : 'exists', values: [] }
}

/** Whether labels satisfy every requirement. As in Kubernetes, `!=` and `notin` hold where the label is absent. */
export function matchesSelector(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    switch (operator) {
      case 'in':
        return value !== undefined && values.includes(value)
      case 'notin':
        return value === undefined || !values.includes(value)
      case 'exists':
        return value !== undefined
      case 'absent':
        return value === undefined
    }
    return operator satisfies never
  })
}
