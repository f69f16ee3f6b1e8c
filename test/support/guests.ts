import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from './cache-dir.ts'

/** The guests of `test/guests/`. Their headers describe what they print and answer. */
export type Guest = 'linux' | 'tiny'

/** The files that `scripts/guests` made. */
export interface GuestPaths {
  /** The Linux guest: kernel, initramfs and command line. */
  readonly kernel: string
  readonly initrd: string
  readonly cmdline: string
  /** The tiny guest: a raw disk of 1 MiB; boot it read-only, so that tests can share it. */
  readonly tinyDisk: string
  /** The guest that writes to its disk: a raw disk of 4 MiB, to be copied. */
  readonly writerDisk: string
  /** The guest that writes and checks its memory all the time: a raw disk of 1 MiB, to be copied. */
  readonly pagesDisk: string
  /** The right checksum of the tiny guest: it prints `CNT <8 hex digits> SUM <this>`. */
  readonly tinySum: string
}

/** The paths of the guests. Throws if they have not been made. */
export function guestPaths(): GuestPaths {
  const paths = {
    kernel: join(cacheDir, 'guests/vmlinuz'),
    initrd: join(cacheDir, 'guests/initrd'),
    // The self-tests of the kernel's ciphers take a tenth of a boot under TCG.
    cmdline: 'console=ttyS0 quiet panic=-1 mitigations=off no_timer_check cryptomgr.notests',
    tinyDisk: join(cacheDir, 'guests/tiny.img'),
    writerDisk: join(cacheDir, 'guests/writer.img'),
    pagesDisk: join(cacheDir, 'guests/pages.img'),
    tinySum: '7159',
  }
  if (!existsSync(join(cacheDir, 'guests/made-from'))) {
    throw new Error('The guests have not been made: run `sh scripts/guests`')
  }
  return paths
}

/** Arguments that boot a guest on a bare QEMU; machine, memory and serial port are the caller's. */
export function guestArgv(guest: Guest): string[] {
  const { kernel, initrd, cmdline, tinyDisk } = guestPaths()
  if (guest === 'linux') return ['-kernel', kernel, '-initrd', initrd, '-append', cmdline]
  return [
    '-drive',
    `if=none,id=tiny,format=raw,readonly=on,file=${tinyDisk.replaceAll(',', ',,')}`,
    '-device',
    'virtio-blk-pci,drive=tiny,bootindex=1',
  ]
}
