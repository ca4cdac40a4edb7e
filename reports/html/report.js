"use strict";
// Draws the lists of a report from its columns, and answers clicks. Text is set as text and never as markup; markup
// is made of numbers and of words of this file alone. Counts and amounts are compared and written as digits.
(() => {
  const told = JSON.parse(document.getElementById("data").textContent);
  const volumes = told.volumes, parts = told.parts, findings = told.findings;
  const NONE = "–", LEVELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  const SEVERITIES = ["critical", "high", "medium", "low"];
  const ROWS = 50;

  // Numbers: digits in groups of three; decimal digits keep their places.
  const grouped = (digits) => String(digits).replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
  // Microseconds as hours to two places, half to even, as the page itself has them.
  const hours = (micros) => {
    const all = BigInt(micros), unit = 36000000n, rest = all % unit * 2n;
    const count = all / unit + (rest > unit || rest === unit && all / unit % 2n ? 1n : 0n);
    const digits = String(count).padStart(3, "0");
    return grouped(`${digits.slice(0, -2)}.${digits.slice(-2)}`);
  };
  const PLACES = 18;
  const scaled = (digits) => {
    const [whole, places = ""] = String(digits).split(".");
    return BigInt(whole + places.padEnd(PLACES, "0").slice(0, PLACES));
  };
  const compared = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    const [a, b] = [scaled(one), scaled(other)];
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const text_order = new Intl.Collator("en", { numeric: true }).compare;
  const tenths = (part, whole) => {
    if (whole === 0n) return NONE;
    const parts = String(part * 1000n / whole).padStart(2, "0");
    return `${parts.slice(0, -1)}.${parts.slice(-1)}\u00a0%`;
  };

  // Elements
  const made = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(key, "");
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };
  const drawn = (markup) => {
    const holder = document.createElement("template");
    holder.innerHTML = markup;
    return holder.content.firstElementChild;
  };
  const sign_of = {};
  for (const shape of document.querySelectorAll(".severity .sign")) sign_of[shape.parentElement.classList[1]] ??= shape;
  const severity = (name) =>
    made("span", { class: `severity ${name}` }, sign_of[name] ? sign_of[name].cloneNode(true) : null, name);
  const address = (kind, id) => `#${kind}=${encodeURIComponent(id)}`;

  // Volumes, by their place in the columns
  const account_name = (place) => {
    if (place === null) return "nobody known";
    const [id, name] = told.accounts[place];
    return name ?? id;
  };
  const account_of = (place) => volumes.account[place];
  const volume_name = (place) => volumes.name[place] ?? volumes.id[place] ?? "no volume and no disk";
  const codes_of = (place) => (volumes.codes[place] === null ? "" : told.words[volumes.codes[place]]);
  const words_of = (column, place) => (volumes[column][place] === null ? null : told.words[volumes[column][place]]);
  const account_link = (place) =>
    place === null ? "nobody known" : made("a", { href: address("account", told.accounts[place][0]) }, account_name(place));
  const volume_link = (place) => {
    const id = volumes.id[place];
    const holder = document.createDocumentFragment();
    holder.append(id === null ? volume_name(place) : made("a", { href: address("volume", id) }, volume_name(place)));
    const detail = [volumes.name[place] === null ? null : id, volumes.vm[place]].filter(Boolean).join(" · ");
    if (detail) holder.append(made("span", { class: "detail" }, detail));
    return holder;
  };
  const limits = (low, high, burst) => {
    const parts = [];
    if (low !== null) parts.push(`min ${grouped(low)}`);
    if (high !== null) parts.push(`max ${grouped(high)}`);
    if (burst !== null) parts.push(`burst ${grouped(burst)}`);
    return parts;
  };
  const lines = (parts, otherwise) => {
    const holder = document.createDocumentFragment();
    holder.append(...(parts.length ? parts : [otherwise]).map((part) => made("span", { class: "limit" }, part)));
    return holder;
  };
  const sold_words = (place) => {
    const caps = words_of("sold_caps", place);
    const parts = limits(volumes.sold_min[place], volumes.sold_max[place], volumes.sold_burst[place]);
    if (caps !== null && caps !== "no cap") parts.push(`cap ${plain_cap(caps)}`);
    return lines(volumes.is_sold[place] ? parts : [], volumes.is_sold[place] ? "no limits" : "not sold");
  };
  const set_words = (place) => {
    const parts = limits(volumes.set_min[place], volumes.set_max[place], volumes.set_burst[place]);
    if (volumes.set_min[place] !== null && !volumes.is_enforced[place]) parts.push("not enforced");
    return lines(volumes.is_set[place] ? parts : [], volumes.is_set[place] ? "no limits" : "not known");
  };
  const cap_words = (place) =>
    lines([], volumes.is_read[place] ? plain_cap(words_of("caps", place) ?? "no cap") : "not known");
  // Of a cap on all operations alone, the number says it.
  const plain_cap = (words) => words.replace(/^(\d+) IOPS in total$/, (_, count) => grouped(count));

  // Pictures of a month: a step a day, for it is an average; nothing where nobody watched
  const points_of = (place) =>
    [...(volumes.by_day[place] ?? "")].map((level) => (level === "." ? null : LEVELS.indexOf(level)));
  const month_picture = (place, css) => {
    const points = points_of(place);
    let line = "", area = "";
    points.forEach((point, day) => {
      if (point === null) return;
      const level = `V${66 - point}H${day + 1}`;
      const begins = day === 0 || points[day - 1] === null;
      const ends = day === points.length - 1 || points[day + 1] === null;
      line += begins ? `M${day} ${66 - point}H${day + 1}` : level;
      area += (begins ? `M${day} 66` : "") + level + (ends ? "V66Z" : "");
    });
    const seen = points.filter((point) => point !== null).length;
    const peak = volumes.peak[place];
    const label = peak === null ? "not observed" : `observed on ${seen} of ${told.days.length} days, ${grouped(peak)} IOPS on the busiest`;
    return drawn(
      `<svg class="${css}" viewBox="0 0 ${told.days.length} 68" preserveAspectRatio="none" role="img" aria-label="${label}">` +
      `<path class="area" d="${area}"/><path d="${line}"/></svg>`);
  };
  const split_picture = (sums, css) => {
    const total = sums.reduce((sum, each) => sum + each, 0n);
    let done = 0n, parts = "", label = [];
    sums.forEach((each, place) => {
      const start = total ? done * 1000n / total : 0n;
      done += each;
      const width = (total ? done * 1000n / total : 0n) - start;
      if (width) parts += `<rect class="${told.classes[place]}" x="${start}" y="0" width="${width}" height="28"/>`;
      if (each) label.push(`${class_name(place)} ${tenths(each, total)}`);
    });
    return drawn(
      `<svg class="${css}" viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="${label.join(", ") || "no operations"}">${parts}</svg>`);
  };
  const class_name = (place) => {
    const words = told.classes[place].replace("_", " ");
    return words[0].toUpperCase() + words.slice(1);
  };
  const classes_of = (table, places) =>
    told.classes.map((name) => places.reduce((sum, place) => sum + BigInt(table[name][place]), 0n));

  // A list: rows of columns, a page of them at a time, with search, filters and sorting
  const number_cell = (value, shown = grouped) => (value === null ? NONE : shown(value));
  class List {
    constructor(holder, settings) {
      Object.assign(this, { holder, first: 0, query: "", chosen: {}, sorted: settings.sorted, falling: settings.falling }, settings);
      holder.hidden = false;
      const search = made("input", { type: "search", autocomplete: "off", spellcheck: "false" });
      search.addEventListener("input", () => { this.query = search.value.toLowerCase(); this.first = 0; this.draw(); });
      this.tools = made("div", { class: "tools", role: "search", "aria-label": this.caption }, made("label", {}, this.search_label, search));
      for (const filter of this.filters) {
        const select = made("select", {}, made("option", { value: "" }, filter.all));
        for (const [value, name] of filter.options) select.append(made("option", { value }, name));
        select.addEventListener("change", () => { this.chosen[filter.label] = select.value; this.first = 0; this.draw(); });
        filter.select = select;
        this.tools.append(made("label", {}, filter.label, select));
      }
      const order = made("select", {}, made("option", { value: "" }, "as listed"));
      this.columns.forEach((column, place) => {
        if (!column.order) return;
        order.append(made("option", { value: `${place} up` }, `${column.name}, rising`), made("option", { value: `${place} down` }, `${column.name}, falling`));
      });
      order.addEventListener("change", () => {
        const [place, way] = order.value.split(" ");
        this.sort(place ? Number(place) : null, way === "down");
      });
      this.order = order;
      this.tools.append(made("label", {}, "Sort by", order));
      this.heads = this.columns.map((column, place) => {
        const head = made("th", { scope: "col", class: column.css });
        if (!column.order) { head.append(column.name); return head; }
        const button = made("button", { type: "button" }, column.name);
        button.addEventListener("click", () => this.sort(place, this.sorted === place ? !this.falling : Boolean(column.numeric)));
        head.append(button);
        return head;
      });
      this.body = made("tbody");
      this.status = made("span", { role: "status" });
      this.back = made("button", { type: "button" }, "Previous");
      this.next = made("button", { type: "button" }, "Next");
      this.back.addEventListener("click", () => { this.first -= ROWS; this.draw(); });
      this.next.addEventListener("click", () => { this.first += ROWS; this.draw(); });
      const table = made("table", { id: this.id }, made("caption", {}, this.caption), made("thead", {}, made("tr", {}, ...this.heads)), this.body);
      holder.replaceChildren(this.tools, made("div", { class: "wide" }, table), made("div", { class: "pager" }, this.status, this.back, this.next));
      this.draw();
    }
    sort(place, falling) { this.sorted = place; this.falling = falling; this.first = 0; this.draw(); }
    choose(label, value) {
      const filter = this.filters.find((each) => each.label === label);
      filter.select.value = value;
      this.chosen[label] = value;
      this.first = 0;
      this.draw();
    }
    matching() {
      const active = this.filters.filter((filter) => this.chosen[filter.label]);
      const rows = this.rows.filter((row) =>
        active.every((filter) => filter.test(row, this.chosen[filter.label])) &&
        (!this.query || this.searched(row).includes(this.query)));
      const column = this.columns[this.sorted];
      if (!column) return rows;
      const way = this.falling ? -1 : 1, order = column.numeric ? compared : text_order;
      return rows
        .map((row) => [column.order(row), row])
        .sort(([one, a], [other, b]) => {
          // What is not known comes last, whichever way.
          if (one === null || other === null) return one === other ? a - b : one === null ? 1 : -1;
          return way * order(one, other) || a - b;
        })
        .map(([, row]) => row);
    }
    draw() {
      const rows = this.matching();
      const shown = rows.slice(this.first, this.first + ROWS);
      this.heads.forEach((head, place) => {
        if (place === this.sorted) head.setAttribute("aria-sort", this.falling ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      this.order.value = this.sorted === null ? "" : `${this.sorted} ${this.falling ? "down" : "up"}`;
      this.body.replaceChildren(...shown.map((row) =>
        made("tr", {}, ...this.columns.map((column, place) => place === 0
          ? made("th", { scope: "row" }, column.cell(row))
          : made("td", { class: column.css, "data-label": column.name }, made("span", {}, column.cell(row)))))));
      const of = rows.length === this.rows.length ? "" : ` of ${grouped(this.rows.length)}`;
      this.status.textContent = rows.length === 0 ? `Nothing matches${of && `; there are${of.slice(3)} in all`}.`
        : `${grouped(this.first + 1)} to ${grouped(this.first + shown.length)} of ${grouped(rows.length)}${rows.length === this.rows.length ? "" : ` that match, ${grouped(this.rows.length)} in all`}`;
      this.back.disabled = this.first === 0;
      this.next.disabled = this.first + ROWS >= rows.length;
      this.back.hidden = this.next.hidden = rows.length <= ROWS;
    }
  }

  const is_conflict = (place) => /QOS1/.test(codes_of(place));
  const is_drift = (place) => /QOS2/.test(codes_of(place));
  const volume_columns = (with_account) => [
    { name: "Volume", order: volume_name, cell: volume_link },
    with_account && { name: "Account", order: (place) => account_name(account_of(place)), cell: (place) => account_link(account_of(place)) },
    { name: "Sold, IOPS", numeric: true, order: (place) => volumes.sold_min[place] ?? volumes.sold_max[place] ?? volumes.sold_cap[place], cell: sold_words },
    { name: "Set, IOPS", numeric: true, order: (place) => volumes.set_min[place] ?? volumes.set_max[place], cell: set_words },
    { name: "Enforced cap", numeric: true, order: (place) => volumes.cap[place], cell: cap_words },
    { name: "Observed", cell: (place) => month_picture(place, "spark") },
    { name: "Busiest day, IOPS", css: "n", numeric: true, order: (place) => volumes.peak[place], cell: (place) => number_cell(volumes.peak[place]) },
    { name: "Operations", css: "n", numeric: true, order: (place) => volumes.ops[place], cell: (place) => grouped(volumes.ops[place]) },
    { name: "Split", cell: (place) => split_picture(classes_of(volumes, [place]), "mini") },
    { name: "At a cap, h", css: "n", numeric: true, order: (place) => volumes.at_cap[place], cell: (place) => hours(volumes.at_cap[place]) },
    { name: "Findings", order: (place) => codes_of(place) || null, cell: (place) => codes_of(place) ? made("span", { class: "off" }, codes_of(place)) : NONE },
    ...told.currencies.map(([currency, minor_digits]) => ({
      name: `Amount, ${currency}`, css: "n", numeric: true,
      order: (place) => volumes[`amount ${currency}`][place],
      cell: (place) => number_cell(volumes[`amount ${currency}`][place], (digits) => money(digits, minor_digits)),
    })),
  ].filter(Boolean);
  const money = (digits, minor_digits) => {
    const [whole, places = ""] = digits.split(".");
    return `${grouped(whole)}${places || minor_digits ? `.${places.padEnd(minor_digits, "0")}` : ""}`;
  };
  const state_filter = {
    label: "What is wrong", all: "all volumes",
    options: [["conflict", "conflict: two systems limit it"], ["drift", "drift: not as sold"], ["any", "any finding"], ["none", "no finding"]],
    test: (place, value) => ({ conflict: is_conflict, drift: is_drift, any: codes_of, none: (each) => !codes_of(each) })[value](place),
  };
  const searched_volume = (place) =>
    [volumes.id[place], volumes.name[place], volumes.vm[place], account_name(account_of(place)), codes_of(place)].join("\n").toLowerCase();
  const volume_list = (holder, places, id, with_account) => new List(holder, {
    id, rows: places, columns: volume_columns(with_account), sorted: null, falling: false, searched: searched_volume,
    caption: with_account ? "All volumes, sold, set, enforced and observed" : "Its volumes, sold, set, enforced and observed",
    search_label: "Search volumes, disks and accounts",
    filters: [
      ...(with_account ? [{
        label: "Account", all: "all accounts", options: told.accounts.map(([, name], place) => [String(place), name ?? told.accounts[place][0]]).sort((a, b) => text_order(a[1], b[1])),
        test: (place, value) => String(account_of(place)) === value,
      }] : []),
      { ...state_filter },
    ],
  });

  const first_day = told.days[0], last_day = told.days[told.days.length - 1];
  const day_of = (moment) => Math.max(0, Math.min(told.days.length, (Date.parse(`${moment.slice(0, 10)}T${moment.slice(11, 16)}Z`) - Date.parse(`${first_day}T00:00Z`)) / 864e5));
  const life = (row) => {
    const from = day_of(findings.first[row]), until = Math.max(from + 0.4, day_of(findings.resolved[row] ?? findings.last[row]));
    return drawn(
      `<svg class="life" viewBox="0 0 ${told.days.length} 4" preserveAspectRatio="none" aria-hidden="true">` +
      `<rect class="span" y="1.5" width="${told.days.length}" height="1"/><rect class="lasted" x="${from}" width="${until - from}" height="4"/></svg>`);
  };
  const state_words = (row) => {
    const words = [findings.state[row]];
    if (findings.status[row] !== "violation") words.push(findings.status[row] === "unknown" ? "not known" : "rule failed");
    if (findings.returns[row]) words.push(`came back ${grouped(findings.returns[row])}×`);
    return words.join(", ");
  };
  const finding_columns = [
    { name: "Rule", order: (row) => findings.code[row], cell: (row) => findings.code[row] },
    { name: "Severity", numeric: true, order: (row) => SEVERITIES.indexOf(findings.severity[row]), cell: (row) => severity(findings.severity[row]) },
    { name: "State", order: (row) => findings.state[row], cell: state_words },
    { name: "What", css: "why", cell: (row) => {
      const holder = document.createDocumentFragment();
      const place = findings.volume[row];
      if (place === null) holder.append(made("strong", {}, findings.resource[row]));
      else holder.append(made("a", { href: address("volume", volumes.id[place]) }, volume_name(place)));
      holder.append(made("span", { class: "detail" }, findings.reason[row]));
      return holder;
    } },
    { name: "Account", order: (row) => findings.account[row] === null ? null : account_name(findings.account[row]), cell: (row) => findings.account[row] === null ? NONE : account_link(findings.account[row]) },
    { name: "First seen", css: "when", order: (row) => findings.first[row], cell: (row) => findings.first[row] },
    { name: "Last seen", css: "when", order: (row) => findings.last[row], cell: (row) => findings.last[row] },
    { name: "In the month", cell: life },
  ];
  const finding_list = (holder, rows, id, open_only) => {
    const list = new List(holder, {
      id, rows, columns: finding_columns, sorted: null, falling: false, caption: "Findings one by one",
      searched: (row) => [findings.code[row], findings.resource[row], findings.reason[row], findings.account[row] === null ? "" : account_name(findings.account[row])].join("\n").toLowerCase(),
      search_label: "Search findings",
      filters: [
        { label: "State", all: "all states", options: ["open", "exempted", "resolved"].map((name) => [name, name]), test: (row, value) => findings.state[row] === value },
        { label: "Severity", all: "all severities", options: SEVERITIES.map((name) => [name, name]), test: (row, value) => findings.severity[row] === value },
        { label: "Rule", all: "all rules", options: [...new Set(findings.code)].sort().map((code) => [code, code]), test: (row, value) => findings.code[row] === value },
      ],
    });
    if (open_only && rows.some((row) => findings.state[row] === "open")) list.choose("State", "open");
    return list;
  };

  const all_volumes = volumes.id.map((_, place) => place);
  const lists = { volumes: volume_list(document.getElementById("volume-list"), all_volumes, "volume-table", true) };
  const finding_holder = document.getElementById("finding-list");
  if (finding_holder && findings.code.length) lists.findings = finding_list(finding_holder, findings.code.map((_, row) => row), "finding-table", true);

  // Tables that are in the page: sorted by what their cells hold
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => {
      if (head.hasAttribute("data-plain")) return;
      const is_number = head.classList.contains("n");
      const button = made("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const falling = now ? now === "ascending" : is_number;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const key = (row) => {
          const cell = row.cells[column];
          if (cell.dataset.value !== undefined) return cell.dataset.value;
          return is_number ? null : cell.textContent.trim();
        };
        const by_digits = is_number || body.rows[0]?.cells[column]?.dataset.value !== undefined;
        const order = by_digits ? compared : text_order;
        body.append(...[...body.rows].map((row) => [key(row), row]).sort(([one], [other]) => {
          if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
          return (falling ? -1 : 1) * order(one, other);
        }).map(([, row]) => row));
      });
    });
  }

  // Pages: of an account, and of a volume
  const page = document.getElementById("page"), report = document.getElementById("report");
  const fact = (name, value, detail) => made("div", {}, made("dt", {}, name), made("dd", {}, value, detail ? made("span", { class: "detail" }, ` ${detail}`) : null));
  const sum_of_amounts = (table, places, [currency, minor_digits]) => {
    const known = places.map((place) => table[`amount ${currency}`][place]).filter((amount) => amount !== null);
    if (!known.length) return NONE;
    const scaled_sum = known.reduce((total, amount) => total + scaled(amount), 0n);
    const digits = String(scaled_sum < 0n ? -scaled_sum : scaled_sum).padStart(PLACES + 1, "0");
    const places_kept = digits.slice(-PLACES).replace(/0+$/, "");
    return money(`${scaled_sum < 0n ? "-" : ""}${digits.slice(0, -PLACES)}${places_kept ? `.${places_kept}` : ""}`, minor_digits);
  };
  const split_table = (table, places) => {
    const sums = classes_of(table, places), total = sums.reduce((one, other) => one + other, 0n);
    const rows = told.classes.map((name, place) => made("tr", {},
      made("th", { scope: "row" }, drawn(`<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="${name}" width="10" height="10"/></svg>`), class_name(place)),
      made("td", { class: "n", "data-label": "Operations" }, made("span", {}, grouped(sums[place]))),
      made("td", { class: "n", "data-label": "Share" }, made("span", {}, tenths(sums[place], total)))));
    return made("div", { class: "split" }, total ? split_picture(sums, "bar") : null, made("div", { class: "wide" }, made("table", {},
      made("thead", {}, made("tr", {}, made("th", { scope: "col" }, "Class"), made("th", { scope: "col", class: "n" }, "Operations"), made("th", { scope: "col", class: "n" }, "Share"))),
      made("tbody", {}, ...rows))));
  };
  const facts_of = (table, places) => {
    const sum = (column) => places.reduce((total, place) => total + BigInt(table[column][place]), 0n);
    const observed = sum("observed"), gap = sum("gap");
    return made("dl", { class: "facts" },
      fact("Operations", grouped(sum("ops")), `${grouped(sum("reads"))} reads, ${grouped(sum("ops") - sum("reads"))} writes`),
      fact("At a cap", `${hours(sum("at_cap"))} h`, "of disks"),
      fact("Observed", tenths(observed, observed + gap), `of the time of disks; ${hours(gap)} h in gaps`),
      ...told.currencies.map((currency) => fact("Charged", `${sum_of_amounts(table, places, currency)} ${currency[0]}`, null)));
  };
  const findings_part = (rows, holder) => {
    holder.append(made("h3", {}, "Findings"));
    if (!rows.length) { holder.append(made("p", {}, "Nothing was found.")); return; }
    const list = made("div", { class: "list" });
    holder.append(list);
    finding_list(list, rows, "page-findings", false);
  };
  const offering_name = (place) => place === null ? "none" : told.offerings[place][1] ?? told.offerings[place][0];
  const account_page = (id) => {
    const number = told.accounts.findIndex(([each]) => each === id);
    if (number < 0) return false;
    const places = all_volumes.filter((place) => account_of(place) === number);
    // An account may be charged for what is on no volume, and a volume may have had several offerings.
    const own_parts = parts.account.map((_, place) => place).filter((place) => parts.account[place] === number);
    page.replaceChildren(
      made("a", { class: "back", href: "#accounts" }, "← All accounts"),
      made("h2", { tabindex: "-1" }, account_name(number)),
      made("p", { class: "soft" }, `Account ${id}, ${grouped(places.length)} ${places.length === 1 ? "volume" : "volumes"}`),
      facts_of(parts, own_parts), split_table(parts, own_parts));
    page.append(made("div", { class: "wide" }, made("table", { id: "page-offerings" }, made("caption", {}, "By offering"),
      made("thead", {}, made("tr", {}, made("th", { scope: "col" }, "Offering"), made("th", { scope: "col", class: "n" }, "Volumes"), made("th", { scope: "col" }, "Split"),
        ...told.classes.map((_, place) => made("th", { scope: "col", class: "n" }, class_name(place))), ...told.currencies.map(([currency]) => made("th", { scope: "col", class: "n" }, currency)))),
      made("tbody", {}, ...own_parts.map((part) => made("tr", {},
        made("th", { scope: "row" }, offering_name(parts.offering[part])),
        made("td", { class: "n", "data-label": "Volumes" }, made("span", {}, grouped(parts.volumes[part]))),
        made("td", { "data-label": "Split" }, made("span", {}, split_picture(classes_of(parts, [part]), "mini"))),
        ...classes_of(parts, [part]).map((each, place) => made("td", { class: "n", "data-label": class_name(place) }, made("span", {}, grouped(each)))),
        ...told.currencies.map((currency) => made("td", { class: "n", "data-label": currency[0] }, made("span", {}, sum_of_amounts(parts, [part], currency))))))))));
    findings_part(findings.code.map((_, row) => row).filter((row) => findings.account[row] === number), page);
    page.append(made("h3", {}, "Volumes"));
    const list = made("div", { class: "list" });
    page.append(list);
    volume_list(list, places, "page-volumes", false);
    return true;
  };
  const volume_page = (id) => {
    // A volume that changed hands has a row for each of its accounts.
    const places = all_volumes.filter((each) => volumes.id[each] === id);
    if (!places.length) return false;
    const place = places[0];
    const picture = month_picture(place, "spark large");
    page.replaceChildren(
      made("a", { class: "back", href: "#volumes" }, "← All volumes"),
      made("h2", { tabindex: "-1" }, volume_name(place)),
      made("p", { class: "soft" }, [id, volumes.vm[place]].filter(Boolean).join(" · "), ...places.flatMap((each) => [" · ", account_link(account_of(each))])),
      made("dl", { class: "facts" }, fact("Sold", sold_words(place), "IOPS"), fact("Set on the storage", set_words(place), "IOPS"), fact("Enforced by the hypervisor", volumes.is_read[place] ? words_of("caps", place) ?? "no cap" : "not known", null)),
      made("h3", {}, "Observed, average IOPS of each day"), picture,
      made("p", { class: "days soft small" }, made("span", {}, first_day), made("span", {}, volumes.peak[place] === null ? "nobody watched it" : `busiest day ${grouped(volumes.peak[place])} IOPS`), made("span", {}, last_day)),
      facts_of(volumes, places), split_table(volumes, places));
    findings_part(findings.code.map((_, row) => row).filter((row) => places.includes(findings.volume[row])), page);
    return true;
  };

  const route = () => {
    const [, kind, id] = /^#(account|volume|rule)=(.*)$/.exec(location.hash) ?? [];
    let is_page = false, name = id;
    try { name = decodeURIComponent(id); } catch { /* an address that nobody made here */ }
    if (kind === "rule" && lists.findings) {
      lists.findings.choose("State", "");
      lists.findings.choose("Rule", name);
    } else if (kind) {
      is_page = kind === "account" ? account_page(name) : kind === "volume" && volume_page(name);
    }
    page.hidden = !is_page;
    report.hidden = is_page;
    if (!is_page) page.replaceChildren();
    if (is_page) { scrollTo(0, 0); page.querySelector("h2").focus({ preventScroll: true }); }
    else if (kind === "rule" && finding_holder) finding_holder.scrollIntoView();
    else if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  };
  addEventListener("hashchange", route);
  if (location.hash) route();
})();
