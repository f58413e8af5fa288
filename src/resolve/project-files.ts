// Files on the controller's side that tasks name: found as Ansible finds them, read once for the whole run.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Diagnostic, DiagnosticError, didYouMean, Problems } from '../diagnostic.ts';
import { displayPath, SourceFile, systemErrorText } from '../load/source.ts';
import { closedHint, closedReason } from '../load/vault/closed.ts';
import { isVaulted } from '../load/vault/envelope.ts';
import { Vault } from '../load/vault/vault.ts';
import { ArgumentError } from '../modules/module.ts';
import { PACKAGE_FOLDER } from '../package.ts';
import type { HostReads } from '../render/host-reads.ts';
import { member, type Names, type Values } from '../render/shape.ts';
import { type Partials, Template } from '../render/template.ts';
import { checkTemplateNames } from '../render/template-names.ts';
import { fileOrigin, partialsIn, type ResolvedRole } from './resolved-role.ts';
import type { ResolvedTask } from './resolved-task.ts';

/** The variable that a generated file's first line is made from. */
export const HEADER_VARIABLE = 'fairlead_header';

/** The file that an argument names is not there, or cannot be read. */
export class FileError extends ArgumentError {}

/** Files beside one playbook and its roles. One object for the run: it caches. */
export class ProjectFiles {
  readonly #playbookFolder: string;
  readonly #vault: Vault;
  readonly #vaulted = new Set<string>();
  readonly #found = new Map<string, string>();
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #templates = new Map<string, Template>();
  readonly #partials = new Map<string, Partials>();

  constructor(playbookFolder: string, vault: Vault = new Vault()) {
    this.#playbookFolder = playbookFolder;
    this.#vault = vault;
  }

  /** In plain text if it is vaulted. Throws a FileError (for the argument `src`) where it is not there or cannot be read. */
  read(name: string, folder: 'files' | 'templates', role: ResolvedRole | undefined): Uint8Array {
    const path = this.#find(name, folder, role);
    return this.#plainBytes(path);
  }

  /** The same, still vaulted where the file is. */
  readSealed(name: string, folder: 'files' | 'templates', role: ResolvedRole | undefined): Uint8Array {
    return bytesOf(this.#find(name, folder, role));
  }

  /** The file has been written by the run itself. */
  forget(path: string): void {
    this.#bytes.delete(path);
    for (const key of this.#templates.keys()) if (key.endsWith(` ${path}`)) this.#templates.delete(key);
  }

  #plainBytes(path: string): Uint8Array {
    let bytes = this.#bytes.get(path);
    if (bytes === undefined) {
      bytes = bytesOf(path);
      if (isVaulted(bytes)) bytes = this.#opened(path, bytes);
      this.#bytes.set(path, bytes);
    }
    return bytes;
  }

  #opened(path: string, bytes: Uint8Array): Uint8Array {
    const opened = this.#vault.open(Buffer.from(bytes).toString('latin1'));
    if (opened.kind !== 'open') {
      throw new FileError(
        'src',
        `${displayPath(path)} is vaulted: ${closedReason(opened)}`,
        closedHint(opened),
      );
    }
    this.#vaulted.add(path);
    const text = Buffer.from(opened.bytes).toString('utf8');
    if (Buffer.from(text).equals(opened.bytes)) this.#vault.secrets.addFile(text);
    return opened.bytes;
  }

  #source(path: string): SourceFile {
    const text = Buffer.from(this.#plainBytes(path)).toString('utf8');
    return new SourceFile(path, text, this.#vault, this.#vaulted.has(path) ? 'vaulted' : 'plain');
  }

  /** The template file with the values in it. Throws RenderError, or DiagnosticError where it is no template. */
  render(name: string, role: ResolvedRole | undefined, values: Values): string {
    const template = this.#template(name, role);
    const text = template.render(withHeader(values, headerLine(name, role, HASH_PLACE)));
    if (!text.includes(HASH_PLACE)) return text;
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
    return text.replaceAll(HASH_PLACE, hash);
  }

  /** The variables that a template file names, partials included. */
  references(name: string, role: ResolvedRole | undefined): ReadonlySet<string> {
    return new Set([...this.#template(name, role).references].filter((each) => each !== HEADER_VARIABLE));
  }

  /** The variables that the template files named in a task's arguments use, as far as those names are fixed. */
  namesInTemplatesOf(task: ResolvedTask): ReadonlySet<string> {
    let names = this.#namesByTask.get(task);
    if (names === undefined) {
      names = new Set(
        this.#templatesOf(task)
          .flatMap((template) => [...template.references])
          .filter((each) => each !== HEADER_VARIABLE),
      );
      this.#namesByTask.set(task, names);
    }
    return names;
  }
  readonly #namesByTask = new WeakMap<ResolvedTask, ReadonlySet<string>>();

  /** The same for what they may ask of other hosts. */
  hostReadsInTemplatesOf(task: ResolvedTask): readonly HostReads[] {
    return this.#templatesOf(task).map(({ hostReads }) => hostReads);
  }

  checkNames(name: string, role: ResolvedRole | undefined, names: Names, problems: Problems): void {
    checkTemplateNames(
      this.#template(name, role),
      {
        shape: (each) => (each === HEADER_VARIABLE ? { kind: 'known', value: '' } : names.shape(each)),
        names: () => [...names.names(), HEADER_VARIABLE],
      },
      problems,
      'text',
    );
  }

  /** A missing file is told when its task is planned. */
  #templatesOf(task: ResolvedTask): readonly Template[] {
    return templateArguments(task).flatMap((name) => {
      try {
        return [this.#template(name, task.role)];
      } catch (error) {
        if (error instanceof ArgumentError || error instanceof DiagnosticError) return [];
        throw error;
      }
    });
  }

  #template(name: string, role: ResolvedRole | undefined): Template {
    const path = this.#find(name, 'templates', role);
    const key = `${role?.role.folder ?? ''} ${path}`;
    const before = this.#templates.get(key);
    if (before !== undefined) return before;
    const source = this.#source(path);
    const problems = new Problems();
    const template = Template.parse(source.text, fileOrigin(source), problems, this.#partialsFor(role));
    problems.throwIfAny();
    if (template === undefined) throw new DiagnosticError([] as readonly Diagnostic[]);
    this.#templates.set(key, template);
    return template;
  }

  #partialsFor(role: ResolvedRole | undefined): Partials {
    const key = role?.role.folder ?? '';
    let partials = this.#partials.get(key);
    if (partials === undefined) {
      const own = role === undefined ? [] : [join(role.role.folder, 'templates')];
      const folders = [join(PACKAGE_FOLDER, 'templates'), join(this.#playbookFolder, 'templates'), ...own];
      partials = partialsIn(folders, (path) => this.#source(path));
      this.#partials.set(key, partials);
    }
    return partials;
  }

  #find(name: string, folder: 'files' | 'templates', role: ResolvedRole | undefined): string {
    if (isAbsolute(name)) return name;
    const candidates = [
      ...(role === undefined ? [] : [join(role.role.folder, folder, name), join(role.role.folder, name)]),
      join(this.#playbookFolder, folder, name),
      join(this.#playbookFolder, name),
    ];
    const key = candidates.join('\0');
    const found =
      this.#found.get(key) ??
      candidates.find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
    if (found === undefined) {
      const others = candidates.flatMap((path) =>
        existsSync(dirname(path)) ? readdirSync(dirname(path)) : [],
      );
      const hint = didYouMean(basename(name), others) ?? `put it at ${displayPath(candidates[0] ?? name)}`;
      throw new FileError('src', `${name} is not there`, hint);
    }
    this.#found.set(key, found);
    return resolve(found);
  }
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FileError('src', `${displayPath(path)}: ${systemErrorText(error)}`);
  }
}

/** Fixed values of the arguments that name template files. */
function templateArguments(task: ResolvedTask): readonly string[] {
  const shape = task.args.shape({ shape: () => undefined, names: () => [] });
  return Object.entries(task.module.schema.properties).flatMap(([name, property]) => {
    if (property.template !== true) return [];
    const field = member(shape, name);
    const value = 'found' in field && field.found.kind === 'known' ? field.found.value : undefined;
    return typeof value === 'string' ? [value] : [];
  });
}

const HASH_PLACE = '\u0001INPUT-HASH\u0001';

function headerLine(name: string, role: ResolvedRole | undefined, hash: string): string {
  const from = role === undefined ? '' : `role ${role.role.name}, `;
  return `Made by fairlead: ${from}template ${name.replace(/\.(hbs|handlebars)$/, '')}, input ${hash}; changes here are overwritten.`;
}

function withHeader(values: Values, header: string): Values {
  return {
    has: (name) => name === HEADER_VARIABLE || values.has(name),
    get: (name) => (name === HEADER_VARIABLE ? header : values.get(name)),
  };
}
