// Links in foreign text: they open beside the page, tell nobody where from, and cannot lie about where they lead.

export const isWeb = (url) => /^https?:\/\//i.test(url ?? "");

export function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}

function guard(link) {
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.referrerPolicy = "no-referrer";
  return link;
}

export function safeLinks(fragment) {
  for (const link of fragment.querySelectorAll("a")) {
    const url = link.getAttribute("href");
    if (!url || !/^(https?|mailto):/i.test(url)) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    guard(link);
    link.title = url.slice(0, 300);
    if (lies(link.textContent, url)) {
      const host = document.createElement("span");
      host.className = "host";
      host.textContent = ` (leads to ${hostOf(url) || url.slice(0, 80)})`;
      link.append(host);
    }
  }
}

const mailHost = (url) => url.split("?")[0].split("@").pop();

// The text names a host, and it is not the one that the link leads to.
function lies(text, url) {
  const named = text.match(/(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}/giu) ?? [];
  const host = `.${(/^mailto:/i.test(url) ? mailHost(url) : hostOf(url)).replace(/:\d+$/, "").toLowerCase()}`;
  return named.some((name) => !host.endsWith(`.${name.toLowerCase().replace(/^www\./, "")}`));
}
