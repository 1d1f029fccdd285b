import { Document, visit } from 'yaml'
import { escapeUnprintable, isPrintable } from '../model/printable.ts'

/**
 * A value as YAML that every reader takes for that value, whose comment is in lines and may hold words of others. Words like `no` and `12:30` are quoted: to
 * readers of YAML 1.1, as kubectl and Helm are, they are no strings. There are no aliases: readers take a hundred of them for an attack.
 */
export function yamlText(value: unknown, comment: readonly string[] = []): string {
  const document = new Document(value, { compat: 'yaml-1.1', aliasDuplicateObjects: false })
  if (comment.length > 0) document.commentBefore = comment.map((line) => ` ${oneLine(line)}`).join('\n')
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && !isPrintable(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return escapeUnprintable(document.toString({ lineWidth: 0 }))
}

const LONGEST_LINE = 400

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST_LINE)
}
