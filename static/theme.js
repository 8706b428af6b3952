// The chosen theme before the first paint; without a choice the system decides.
try {
  const theme = localStorage.getItem("kb-theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {}
document.documentElement.classList.add("js");
