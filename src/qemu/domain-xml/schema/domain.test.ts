import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { domainRule } from './domain.ts'
import type { ElementRule, ValueRule } from './rule.ts'

/** Read only when the XML is normalised. */
const READ_BEFORE = [
  // Read before the machine is built: domain/machine/missing-media.ts.
  '/domain/devices/disk/source/@startupPolicy',
  '/domain/os/loader/@stateless',
]

test('domainRule accepts nothing that the model does not read', () => {
  const qemu = join(import.meta.dirname, '../..')
  const source = globSync(['domain-xml/model/**/*.ts', 'command-line/**/*.ts'], { cwd: qemu })
    .map((file) => readFileSync(join(qemu, file), 'utf8'))
    .join('\n')
  const unread = [...accepted(domainRule, '/domain')].filter(
    (path) => !READ_BEFORE.includes(path) && !source.includes(`'${path.replace(/^.*[/@]/, '')}'`),
  )
  assert.deepEqual(unread, [])
})

/** The paths of all elements and attributes that can make a difference. */
function* accepted(rule: ElementRule, path: string): Generator<string> {
  for (const [name, value] of Object.entries(rule.attributes ?? {})) {
    if (matters(value)) yield `${path}/@${name}`
  }
  for (const [name, inner] of Object.entries(rule.children ?? {})) {
    if (inner.withoutEffect !== undefined || inner.refused !== undefined) continue
    if (path.endsWith('/backingStore')) continue
    const below = [...accepted(inner, `${path}/${name}`)]
    const empty = inner.attributes === undefined && inner.children === undefined
    if (below.length > 0 || inner.text !== undefined || empty) yield `${path}/${name}`
    yield* below
  }
}

/** A single allowed value is the one that needs no action. */
function matters(rule: ValueRule): boolean {
  if (rule.kind === 'without-effect') return false
  return rule.kind !== 'choice' || rule.of.length > 1
}
