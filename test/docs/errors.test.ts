import { describe, expect, it } from 'vitest';
import { runInFolder } from './support/command.ts';
import { sectionsOf } from './support/markdown.ts';

const DEFAULT_COMMAND = 'fairlead run -i hosts.ini site.yml';
const DEFAULT_INVENTORY = { language: 'ini', title: 'hosts.ini', text: '[web]\nweb-1\nweb-2\n' };

describe('each example of docs/errors.md says what it says there', () => {
  it.each(sectionsOf('errors.md').map((section) => [section.heading, section.blocks] as const))(
    '%s',
    async (code, blocks) => {
      const command = blocks.find((block) => block.language === 'sh')?.text ?? DEFAULT_COMMAND;
      const expected = blocks.find((block) => block.language === 'text')?.text;
      const { status, out, err } = await runInFolder([DEFAULT_INVENTORY, ...blocks], command);
      expect({ status, out }).toEqual({ status: 2, out: '' });
      expect(err).toContain(`error[${code}]`);
      expect(err.replace(/\n\d+ problems?, no host was contacted\n$/, '')).toBe(expected);
    },
  );
});
