import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { makeTemporaryDirectory } from '../../io/files/temporary-directory.ts'
import { endQemu } from './end.ts'
import { identifyProcess, isAlive, signalProcess } from './process-identity.ts'
import { QemuProcess, lastLines, terminationLine } from './process.ts'

test('identifyProcess() does not report a zombie as a running process', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 5'])
  const [data] = (await once(parent.stdout, 'data')) as [Buffer]
  const deadline = Date.now() + 3000
  while ((await identifyProcess(Number(data.toString()))) !== undefined)
    assert.ok(Date.now() < deadline)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
})

test('signalProcess() does not signal another process with the same pid', async () => {
  const child = spawn('sleep', ['5'])
  await once(child, 'spawn')
  const identity = await identifyProcess(child.pid ?? 0)
  assert.ok(identity !== undefined)
  for (const other of [{ startTime: identity.startTime + 1 }, { bootId: 'another boot' }]) {
    assert.equal(await signalProcess({ ...identity, ...other }, 'SIGKILL'), false)
  }
  assert.equal(await isAlive(identity), true)
  assert.equal(await endQemu(identity), 'SIGTERM')
  assert.equal(await isAlive(identity), false)
})

test('endQemu() sends SIGKILL when SIGTERM has no effect', async () => {
  const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'])
  await once(child.stdout, 'data')
  const identity = await identifyProcess(child.pid ?? 0)
  assert.ok(identity !== undefined)
  assert.equal(await endQemu(identity, { gentleMs: 50 }), 'SIGKILL')
})

test('tail() returns the last lines since its own start', async () => {
  await using directory = await makeTemporaryDirectory('stasis-tail-')
  await writeFile(join(directory.path, 'qemu.log'), 'of an earlier one\nof this one\n')
  const identity = { pid: 1, startTime: 1, bootId: '' }
  assert.equal(
    new QemuProcess(identity, join(directory.path, 'qemu.log'), 18).tail(),
    'of this one',
  )
  assert.equal(new QemuProcess(identity, join(directory.path, 'nowhere')).tail(), '')
})

test('lastLines() omits warnings unless there is nothing else', () => {
  assert.equal(lastLines('q: warning: odd\nq: wrong\n\n'), 'q: wrong')
  assert.equal(lastLines('q: warning: odd\n'), 'q: warning: odd')
  assert.equal(lastLines(''), '')
})

test('lastLines() returns nothing when there are only deprecation warnings', () => {
  const line = "q: -mon chardev=c: warning: '-mon' is deprecated, use '-object' instead\n"
  assert.equal(lastLines(line), '')
  assert.equal(lastLines(`${line}q: warning: odd\n`), 'q: warning: odd')
})

test('lastLines() omits the pty that QEMU opened', () => {
  const line = 'char device redirected to /dev/pts/0 (label charserial0)\n'
  assert.equal(lastLines(line), '')
  assert.equal(lastLines(`${line}q: wrong\n`), 'q: wrong')
})

test('terminationLine() names the signal that QEMU got', () => {
  const line = 'qemu-system-x86_64: terminating on signal 15 from pid 3 (kill)'
  assert.equal(terminationLine(`q: odd\n${line}\n`), line)
  assert.equal(terminationLine('q: odd\n'), undefined)
})
