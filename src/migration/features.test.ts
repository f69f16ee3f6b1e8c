import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { SchemaInfo } from '../qmp/replies.ts'
import { featuresOf } from './features.ts'
import { QmpSchema } from './schema.ts'

function schema(parameters: Record<string, string>, incoming: readonly string[]): QmpSchema {
  const members = (types: Record<string, string>): { name: string; type: string }[] =>
    Object.entries(types).map(([name, type]) => ({ name, type }))
  const entries: SchemaInfo[] = [
    { name: 'migrate-set-parameters', 'meta-type': 'command', 'arg-type': '1' },
    { name: '1', 'meta-type': 'object', members: members(parameters) },
    { name: 'migrate-incoming', 'meta-type': 'command', 'arg-type': '2' },
    {
      name: '2',
      'meta-type': 'object',
      members: members(Object.fromEntries(incoming.map((name) => [name, 'str']))),
    },
    { name: '3', 'meta-type': 'enum', values: ['none', 'zlib'] },
    { name: 'migrate', 'meta-type': 'command', 'arg-type': '4' },
    { name: '4', 'meta-type': 'object', members: members({ channels: '[5]' }) },
    { name: '[5]', 'meta-type': 'array', 'element-type': '5' },
    { name: '5', 'meta-type': 'object', members: members({ addr: '6' }) },
    { name: '6', 'meta-type': 'object', members: members({ transport: '7' }) },
    { name: '7', 'meta-type': 'enum', values: ['socket', 'file'] },
  ]
  return new QmpSchema(entries)
}

test('featuresOf() finds features that an old QEMU names differently', () => {
  const features = featuresOf(['multifd'], schema({ 'x-multifd-channels': 'int' }, ['uri']))
  assert.equal(features.multifd, true)
  assert.equal(features.channelsParameter, 'x-multifd-channels')
  assert.deepEqual(features.multifdCompressions, [])
  assert.equal(features.exitOnError, false)
  assert.equal(features.mappedRam, false)
})

test('featuresOf() follows the schema to enums, through arrays', () => {
  const parameters = { 'multifd-channels': 'int', 'multifd-compression': '3', 'direct-io': 'bool' }
  const features = featuresOf(['mapped-ram'], schema(parameters, ['uri', 'exit-on-error']))
  assert.equal(features.multifd, false)
  assert.deepEqual(features.multifdCompressions, ['none', 'zlib'])
  assert.equal(features.directIo, true)
  assert.equal(features.exitOnError, true)
  assert.equal(features.fileUri, true)
})

test('featuresOf() finds nothing when the schema has no migration command', () => {
  const features = featuresOf([], new QmpSchema([]))
  assert.equal(features.multifd, false)
  assert.equal(features.fileUri, false)
  assert.deepEqual(features.parameters, [])
})
