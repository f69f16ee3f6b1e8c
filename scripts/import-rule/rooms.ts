/**
 * The import rule of ARCHITECTURE.md as data: the rooms, the floor of each, and the effects (Node's builtins, packages,
 * members of `process`) that belong to each room.
 */

/** Rooms of `src/` by floor. A file imports from its own room and from rooms on lower floors. */
export const floors: Readonly<Record<string, number>> = {
  cli: 6,
  api: 6,
  domain: 5,
  migration: 4,
  qemu: 4,
  transfer: 4,
  image: 3,
  qmp: 2,
  wire: 2,
  io: 1,
}

/** The floors of the rooms for the parts of a domain: both the model and the command line have them. */
const partsOfADomain = {
  board: 4,
  storage: 4,
  devices: 3,
  characters: 2,
  'screen-and-sound': 2,
  buses: 1,
  '': 0,
}

/**
 * Rooms inside a hall, by floor: a file imports from its own room and from rooms on lower floors of the same hall.
 * Files directly in the hall are on the floor of `''`, or have a floor of their own.
 */
export const subFloors: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  domain: {
    host: 12,
    libvirt: 12,
    checkpoint: 12,
    doctor: 11,
    check: 11,
    lifecycle: 11,
    devices: 12,
    guest: 11,
    statistics: 11,
    foreign: 11,
    restore: 10,
    images: 10,
    live: 9,
    'memory-sources': 8,
    save: 7,
    postcopy: 7,
    status: 7,
    machine: 6,
    progress: 6,
    networks: 5,
    acts: 5,
    trust: 4,
    metrics: 4,
    cookie: 3,
    catalogue: 3,
    journal: 2,
    hooks: 2,
    ownership: 2,
    store: 1,
    configuration: 0,
  },
  'domain/checkpoint': { clones: 2, '': 1, memory: 0, disks: 0 },
  'domain/catalogue': { files: 1, '': 0 },
  'domain/live': { '': 3, ways: 2, snapshot: 1, 'live-options.ts': 1, 'live-way-name.ts': 0 },
  'domain/store': { saves: 2, checkpoints: 2, host: 2, '': 1, disks: 0 },
  'domain/machine': { launch: 1, '': 0 },
  'domain/doctor': { 'doctor.ts': 3, 'checks.ts': 2, checks: 1, '': 0 },
  transfer: {
    'image-receivers': 3,
    verify: 3,
    live: 3,
    receive: 2,
    'image-senders': 2,
    'page-server': 2,
    convert: 2,
    compression: 1,
    '': 0,
  },
  qemu: {
    '': 5,
    programs: 5,
    foreign: 5,
    'command-line': 4,
    probe: 3,
    process: 2,
    'domain-xml': 1,
  },
  'qemu/command-line': { 'build.ts': 6, limits: 5, ...partsOfADomain },
  'qemu/domain-xml': {
    'normalise.ts': 4,
    live: 4,
    normalise: 3,
    'read-domain.ts': 3,
    'passwords.ts': 3,
    model: 2,
    'parse.ts': 2,
    schema: 1,
    '': 0,
  },
  'qemu/domain-xml/normalise': { pci: 1, '': 0 },
  'qemu/domain-xml/model': { 'domain.ts': 5, ...partsOfADomain },
  io: {
    processes: 3,
    records: 3,
    files: 2,
    sockets: 2,
    codecs: 2,
    memory: 1,
    '': 0,
  },
  'io/files': { special: 2, '': 1, locks: 0 },
  cli: {
    'main.ts': 8,
    shell: 7,
    '': 6,
    'verb-groups': 5,
    verbs: 4,
    reports: 3,
    completion: 3,
    'verb-entry.ts': 3,
    'verb-bundles.ts': 3,
    options: 2,
    'verb.ts': 2,
    terminal: 1,
  },
  'cli/terminal': { top: 1, '': 0 },
  'cli/verbs': {
    domain: 1,
    save: 1,
    checkpoint: 1,
    image: 1,
    monitor: 1,
    host: 1,
    foreign: 1,
    stasis: 1,
  },
}

/** Rooms that import nothing of ours but `errors.ts`, although there are rooms below them. */
export const selfContained: ReadonlySet<string> = new Set(['qmp', 'wire', 'io'])

/** The only builtins (without `node:`) that these rooms may import; a room not listed may import any. */
export const builtinsOfRoom: Readonly<Record<string, ReadonlySet<string>>> = {
  wire: new Set(['buffer']),
  qmp: new Set([
    'net',
    'events',
    'util',
    'buffer',
    'stream',
    'string_decoder',
    'timers',
    'timers/promises',
  ]),
}

/** Builtins (without `node:`) and packages that only these rooms, or single files of a room, may import. */
export const homeOfModule: Readonly<Record<string, readonly string[]>> = {
  // Filters: programs that only turn their input into their output (bzip2, xz, lzop). Hooks.
  // Also the editor of the person at the terminal.
  child_process: [
    'qemu',
    'io/processes/filter-process.ts',
    'io/processes/run-program.ts',
    'cli/terminal/edit-text.ts',
  ],
  cluster: [],
  worker_threads: ['transfer'],
  readline: ['cli'],
  'readline/promises': ['cli'],
  tty: ['cli', 'domain'],
  // Native packages are loaded when they are first used, by `createRequire`.
  module: ['io', 'domain/status/version.ts'],
  koffi: ['io'],
  '@node-rs/crc32': ['io'],
  commander: ['cli'],
  'smol-toml': ['domain/configuration/parse-configuration.ts'],
  xpath: ['cli/reports/xpath.ts', 'cli/reports/xpath-package.d.cts'],
  // It shows the parts of an XML that a person selects.
  '@xmldom/xmldom': ['qemu', 'domain', 'cli/reports/xpath.ts', 'cli/reports/xpath-package.d.cts'],
}

/** Members of `process` that only `cli/` may use. */
export const processMembers: readonly string[] = [
  'exit',
  'exitCode',
  'argv',
  'stdin',
  'stdout',
  'stderr',
]

/** Programs of their own outside the command line, which may use `process` as well. */
export const programs: ReadonlySet<string> = new Set([
  'src/domain/checkpoint/clones/killed-clone-main.ts',
  'src/domain/checkpoint/memory/flatten-main.ts',
  'src/domain/images/killed-conversion-main.ts',
  'src/domain/live/snapshot/killed-snapshot-main.ts',
  'src/domain/machine/launch/ended-guest-main.ts',
  'src/domain/postcopy/killed-restore-main.ts',
  'src/domain/postcopy/page-server-main.ts',
  'src/domain/save/killed-save-main.ts',
  'src/qemu/probe/killed-scratch-main.ts',
])

/** Rooms, and rooms inside rooms, that may open and change files. */
export const writers: readonly string[] = ['io', 'domain/store']

/** Functions of `node:fs` and `node:fs/promises` (without `Sync`) that open or change files. */
export const writingFunctions: ReadonlySet<string> = new Set([
  'appendFile',
  'chmod',
  'chown',
  'copyFile',
  'cp',
  'createWriteStream',
  'fallocate',
  'fchmod',
  'fchown',
  'fdatasync',
  'fsync',
  'ftruncate',
  'link',
  'mkdir',
  'mkdtemp',
  'mkdtempDisposable',
  'open',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
  'write',
  'writeFile',
  'writev',
])
