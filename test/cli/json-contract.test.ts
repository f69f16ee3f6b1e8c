import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERBS } from '../../src/cli/verbs.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/cli-json.md'), 'utf8')

/** The fields of an answer, as the page gives them. */
interface Shape {
  readonly needed: readonly string[]
  readonly optional: readonly string[]
}

/** Verbs of the table `Answers`, each with the text of its row. */
const ROWS: ReadonlyMap<string, string> = new Map(
  page
    .slice(page.indexOf('## Answers'), page.indexOf('\n### '))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [, verbs = '', text = ''] = /^\| (.*?) \| (.*) \|$/.exec(line) ?? []
      return verbs.split(', ').map((verb) => [verb.replaceAll('`', ''), text] as const)
    }),
)

/** The section of an answer that is too long for the table. */
function section(verb: string): string {
  const heading = new RegExp(`^### .*\`${verb}\`.*\n\n(?:\\w.*\n\n)?((?: {4}.*\n)+)`, 'm')
  const [, text = ''] = heading.exec(page) ?? []
  return text
}

/** The fields of the first object in a text, and those that are named with a `?` behind it. */
function shapeOf(text: string): Shape {
  const open = text.indexOf('{')
  const words: string[] = []
  let depth = 0
  let word = ''
  for (const sign of text.slice(open)) {
    if ('{['.includes(sign)) depth += 1
    if (depth === 1 && !'{}'.includes(sign)) word += sign
    if ('}]'.includes(sign)) depth -= 1
    if (depth === 0) break
  }
  for (const part of word.split(',')) {
    const [, name] = /^[\s"\]]*([A-Za-z_]+\??)"?\??/.exec(part) ?? []
    const isOptional = /^[\s"\]]*[A-Za-z_]+"?\?/.test(part)
    if (name !== undefined) words.push(isOptional ? `${name.replace('?', '')}?` : name)
  }
  const behind = [...text.slice(open).matchAll(/`([A-Za-z_]+)\?/g)].map(([, name = '']) => name)
  return {
    needed: words.filter((name) => !name.endsWith('?')),
    optional: [
      ...words.filter((name) => name.endsWith('?')).map((name) => name.slice(0, -1)),
      ...behind,
    ],
  }
}

test('shapeOf() reads the fields of a row', () => {
  assert.deepEqual(
    shapeOf('an array of `{ name, id?, at: { x, y? }, list: [{ z }] }`; `more?` too'),
    {
      needed: ['name', 'at', 'list'],
      optional: ['id', 'more'],
    },
  )
  assert.deepEqual(shapeOf('    { "type": "result", "a", "b"?: { "c" },\n      "d" }'), {
    needed: ['type', 'a', 'd'],
    optional: ['b'],
  })
})

test('docs/cli-json.md has an answer for each verb', () => {
  const words = new Set([...ROWS.keys()].map((verb) => verb.split(' ')[0]))
  // They answer nothing, or are for a terminal.
  for (const name of ['console', 'quit', 'exit']) words.add(name)
  for (const { name } of VERBS)
    assert.ok(words.has(name) || new RegExp(`^### .*\`${name}\``, 'm').test(page), name)
})

test(
  'answers have the fields that docs/cli-json.md says, and no others',
  { timeout: 400_000 },
  async () => {
    await using dir = await tempDir()
    const state = dir.join('state')
    const emulator = qemus()[0]?.emulator ?? ''
    const xml = domainXml({ name: 'web', guest: 'tiny', emulator, serial: { type: 'pty' } })
    await writeFile(dir.join('xml'), xml)
    const seen = new Set<string>()
    const faults: string[] = []
    /** `row` is the verb's name in the page, if it is not the first word. */
    const ask = async (line: string, row = line.split(' ')[0] ?? ''): Promise<void> => {
      const argv = line.split(' ').map((word) => word.replace(/^DIR/, dir.path))
      const { stdout, stderr, exitCode } = await stasis(state, ...argv, '--json')
      if (exitCode !== 0) {
        faults.push(`${line}: ${stderr}`)
        return
      }
      seen.add(row)
      assert.doesNotMatch(stdout, /\d\.\d{4}/, line)
      const answer: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
      const text = ROWS.get(row) ?? ''
      const shape = shapeOf(text.includes('{') && text !== 'below' ? text : section(row))
      assert.ok(shape.needed.length > 0, `${row} in the page`)
      for (const one of Array.isArray(answer) ? answer : [answer]) {
        const found = Object.keys(one as object)
        for (const name of shape.needed)
          if (!found.includes(name)) faults.push(`${line}: ${name} is missing`)
        for (const name of found)
          if (![...shape.needed, ...shape.optional].includes(name))
            faults.push(`${line}: ${name} is not in the page`)
      }
    }
    try {
      await ask('define DIR/xml')
      await ask('list --all --title')
      await ask('autostart web')
      await ask('start web')
      for (const verb of [
        'domstats',
        'dommemstat',
        'domblkstat',
        'vcpucount',
        'vcpuinfo',
        'domcontrol',
      ])
        await ask(`${verb} web`)
      await ask('domblkinfo web --all')
      await ask('domxml-to-native qemu-argv --domain web')
      await ask('qemu-monitor-command --hmp web help')
      await ask('send-key web KEY_A')
      for (const verb of [
        'dominfo',
        'domid',
        'domuuid',
        'domname',
        'domblklist',
        'domiflist',
        'desc',
      ])
        await ask(`${verb} web`)
      for (const verb of ['domstate', 'domjobinfo', 'ttyconsole', 'dumpxml', 'suspend', 'resume'])
        await ask(`${verb} web`)
      await ask('save web DIR/image --check', 'save --check')
      await ask('images')
      await ask('images --prune --dry-run', 'images --prune')
      await ask('top')
      await ask('host-save --dry-run')
      await ask('host-resume --dry-run')
      await ask('managedsave web')
      await ask('managedsave-dumpxml web')
      await ask('start web')
      await ask('images')
      await ask('save web DIR/image')
      await ask('dominfo web')
      await ask('domstate web')
      await ask('domjobinfo web --completed')
      for (const verb of ['image-info', 'image-check', 'image-verify', 'save-image-dumpxml'])
        await ask(`${verb} DIR/image`)
      await ask('restore DIR/image --check', 'image-check')
      await ask('image-convert DIR/image DIR/raw --format raw')
      await ask('image-info DIR/raw')
      await ask('image-cache add DIR/image', 'image-cache add')
      await ask('image-cache list', 'image-cache list')
      await ask('images')
      await ask('restore DIR/image --mode load --wait memory')
      await ask('managedsave-remove web')
      await ask('checkpoint web one')
      await ask('snapshot-create-as web two --memspec DIR/two')
      await ask('checkpoint-flatten web one')
      await ask('checkpoint-list web')
      await ask('snapshot-list web')
      await ask('snapshot-dumpxml web two')
      await ask('snapshot-current web')
      await ask('snapshot-info web two')
      await ask('snapshot-parent web two')
      await ask('checkpoint-restore web one --clone second')
      await ask('destroy second')
      await ask('clone web --live third')
      await ask('destroy third')
      await ask('checkpoint-revert web one')
      await ask('snapshot-revert web two --discard')
      await ask('checkpoint-delete web one')
      await ask('snapshot-delete web two --children')
      await ask('undefine web --checkpoints-metadata')
      await ask('define DIR/xml')
      await ask('destroy web')
      await ask('export web --to-libvirt --libvirt-root DIR/theirs')
      await ask('import web --libvirt-root DIR/theirs')
      await ask('domrename web other')
      await ask('undefine other')
      for (const line of [
        'version',
        'config',
        'echo a',
        'pwd',
        'connect',
        'completion bash',
        'systemd-units',
      ])
        await ask(line)
      await ask('doctor')
    } finally {
      await stasis(state, 'destroy', 'web')
    }
    assert.deepEqual(faults, [])
    // What needs more than one guest of its own, a terminal or an editor, and what has the answer of another.
    const untried =
      /^(attach|detach|domjobabort|event|.*-edit|dompmwakeup|reset|postcopy-recover|image-salvage|image-cache remove|vncdisplay|domdisplay|cd|shutdown|reboot|.*-define|images --prune|create|edit|domif.*|domtime|domhostname|domfs.*|dompmsuspend|inject-nmi|qemu-agent-command|screenshot|change-media|top.*|history|managedsave --check|state-share)$/
    assert.deepEqual(
      [...ROWS.keys()].filter((row) => !seen.has(row) && !untried.test(row)),
      [],
    )
  },
)
