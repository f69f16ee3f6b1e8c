import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startBareQemu } from './bare-qemu.ts'
import { cacheDir } from './cache-dir.ts'
import { waitForLine } from './guest-console.ts'
import { guestArgv } from './guests.ts'
import { qemus } from './qemus.ts'
import { tempDir } from './temp-dir.ts'

const PATIENCE_MS = 3000

/**
 * Whether KVM really works here: `/dev/kvm` may exist but refuse, or run guests a hundred times too slowly. The tiny
 * guest must print within 3 s. The answer is cached until the machine reboots.
 */
export async function kvmWorks(): Promise<boolean> {
  if (!existsSync('/dev/kvm')) return false
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
  const remembered = join(cacheDir, 'kvm-works')
  const known = await readFile(remembered, 'latin1').catch(() => '')
  if (known.startsWith(boot)) return known.trimEnd().endsWith('yes')
  const works = await tinyGuestRuns()
  await mkdir(dirname(remembered), { recursive: true })
  await writeFile(remembered, `${boot} ${works ? 'yes' : 'no'}\n`)
  return works
}

async function tinyGuestRuns(): Promise<boolean> {
  const [qemu] = qemus()
  if (qemu === undefined) return false
  await using dir = await tempDir()
  const log = dir.join('serial')
  const common = ['-machine', 'q35,accel=kvm', '-m', '16', '-display', 'none', '-nodefaults']
  await using _guest = await startBareQemu(qemu.emulator, [
    ...common,
    ...guestArgv('tiny'),
    '-serial',
    `file:${log}`,
  ])
  return await waitForLine(log, /^CNT 00000002 /, { timeoutMs: PATIENCE_MS }).then(
    () => true,
    () => false,
  )
}
